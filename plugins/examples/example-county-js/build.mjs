// Called by `liucheng plugin build` with the name of the file to write.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { componentize } from '@bytecodealliance/componentize-js';

const out = process.argv[2];
const wit = ['vendor/wit/v1', '../../wit/v1'].find((folder) => existsSync(folder));
const { component } = await componentize(readFileSync('src/province.js', 'utf8'), {
  witPath: wit,
  worldName: 'province',
  // A province has no clock, no randomness, no network and no files: with any of these the component
  // would import WASI, and the host refuses that.
  disableFeatures: ['random', 'stdio', 'clocks', 'http', 'fetch-event'],
});
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, component);
