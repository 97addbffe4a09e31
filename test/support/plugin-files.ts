/** What the plugin says of itself, to npm and to a gateway. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLONE } from './terminal.ts';

export interface JsonSchema {
  type: string;
  properties: Record<string, object>;
  required?: string[];
  additionalProperties: boolean;
}

export interface Manifest {
  id: string;
  name: string;
  description: string;
  activation: { onStartup: boolean };
  contracts: { tools: string[] };
  toolMetadata: Record<string, { optional: boolean }>;
  configSchema: JsonSchema;
  configContracts: { secretInputs: { paths: { path: string; expected: string }[] } };
  uiHints: Record<string, { label: string; help: string; sensitive?: boolean }>;
}

export interface Package {
  name: string;
  version: string;
  license: string;
  type: string;
  exports: string;
  files: string[];
  dependencies?: object;
  peerDependencies: Record<string, string>;
  openclaw: {
    extensions: string[];
    compat: { pluginApi: string; minGatewayVersion: string };
    build: { openclawVersion: string; pluginSdkVersion: string };
    install: { minHostVersion: string };
  };
}

export const MANIFEST = read('plugin/openclaw.plugin.json') as Manifest;
export const PLUGIN_PACKAGE = read('plugin/package.json') as Package;
export const ROOT_PACKAGE = read('package.json') as Package;

function read(path: string): unknown {
  return JSON.parse(readFileSync(join(CLONE, path), 'utf8'));
}
