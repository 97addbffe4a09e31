/**
 * `node .ci/summary.mjs FOLDER TESTS PASSED [FAILED_PROOF…]`: names what failed and why, since of a long log only the end
 * is kept at times; then "N passed, N failed". FOLDER holds `report.json` of vitest's JSON reporter and the output of
 * each proof, TESTS is the exit code of `npm test`, or `none`, PASSED the number of proofs that passed.
 */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** So many lines of an error, the first of a test and the last of a proof. The whole is where it ran. */
const LINES = 12;

const [folder, exitCode, passedProofs, ...failedProofs] = process.argv.slice(2);
const { passed, failures } = tests();
failures.push(...failedProofs.map((what) => ({ what, why: endOf(join(folder, `${what}.log`)) })));
for (const { what, why } of failures) print(`\nFAILED ${what}\n${why.replaceAll(/^/gm, '  ')}`);
print(`\n${passed + Number(passedProofs)} passed, ${failures.length} failed`);

/** A file that could not even be loaded is one failure, and so is an end that no test explains. */
function tests() {
  const { testResults, numPassedTests } = report();
  const failures = testResults.filter(isFailed).flatMap(failuresOf);
  if (exitCode === 'none') failures.push({ what: 'npm test', why: 'did not run: a step before it failed' });
  else if (failures.length === 0 && exitCode !== '0') {
    failures.push({ what: 'npm test', why: `ended with exit code ${exitCode}, and no test says why` });
  }
  return { passed: numPassedTests, failures };
}

function report() {
  try {
    return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
  } catch {
    return { testResults: [], numPassedTests: 0 };
  }
}

function failuresOf({ name, message, assertionResults }) {
  const file = relative(process.cwd(), name);
  const failed = assertionResults.filter(isFailed);
  if (failed.length === 0) return [{ what: file, why: startOf(message) }];
  return failed.map(({ fullName, failureMessages }) => ({
    what: `${file} › ${fullName}`,
    why: startOf(failureMessages.join('\n')),
  }));
}

function isFailed({ status }) {
  return status === 'failed';
}

function startOf(text) {
  return text.split('\n').slice(0, LINES).join('\n');
}

function endOf(file) {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LINES).join('\n');
}

function print(text) {
  process.stdout.write(`${text}\n`);
}
