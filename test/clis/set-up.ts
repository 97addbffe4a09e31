import { installedClis } from './install.ts';

/** Installs the CLIs before the first test, so that no test's time is spent on it. */
export default function setUp(): void {
  installedClis();
}
