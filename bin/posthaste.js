#!/usr/bin/env node
// Parsed by old versions of Node.js too, so that they can say what is missing instead of failing on newer syntax.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 18)) {
  void import('../dist/cli/main.js').then((cli) => cli.main());
} else {
  process.stderr.write(`posthaste: needs Node.js 22.18 or newer, this is ${process.versions.node}\n`);
  process.exitCode = 1;
}
