import { installedOpenClaw } from './install.ts';

/** Installs the gateway before the first test, so that no test's time is spent on it. */
export default function setUp(): void {
  installedOpenClaw();
}
