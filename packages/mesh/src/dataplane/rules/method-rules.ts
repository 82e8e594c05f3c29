import { MeshError } from '@modelmesh/core';
import { fieldPath } from '@modelmesh/wire/splice';
import { nearestName } from '../../config/index.ts';
import type { MethodRule, MethodRules } from '../../link/index.ts';

/** Methods of one configuration. */
export const RULES_MAX = 1000;
/** Bytes of one configuration: a file of a ConfigMap has at most as many. */
export const RULES_BYTES_MAX = 1024 * 1024;

/** Rules, or everything that is wrong with them as clauses that say what is expected. */
export type ParsedRules =
  | { readonly ok: true; readonly rules: MethodRules }
  | { readonly ok: false; readonly problems: readonly string[] };

const OIP_RULE: MethodRule = { idPath: [1], names: 'name', versionPath: [2], headersFirst: true };

/**
 * The rules when none are configured: names of the Open Inference Protocol are found in its messages, every other method is allowed and
 * routed by headers.
 */
export const DEFAULT_METHOD_RULES: MethodRules = {
  rules: new Map(
    ['ModelInfer', 'ModelStreamInfer', 'ModelMetadata'].map((method) => [`inference.GRPCInferenceService/${method}`, OIP_RULE]),
  ),
  allowOthers: true,
};

type Json = Readonly<Record<string, unknown>>;
type Refuse = (expected: string) => void;

/**
 * Reads ModelMesh's data-plane configuration (spec `modelmesh.md` §6.2): properties that are not known are refused, and methods that are
 * not listed are allowed only with `allowOtherRpcs`. A rule with an empty `idPath` allows its method and finds nothing in its messages.
 */
export function parseMethodRules(json: string): ParsedRules {
  if (Buffer.byteLength(json) > RULES_BYTES_MAX) return { ok: false, problems: [`JSON of at most ${RULES_BYTES_MAX} bytes`] };
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch (error) {
    return { ok: false, problems: [`valid JSON: ${error instanceof Error ? error.message : 'it cannot be parsed'}`] };
  }
  const problems: string[] = [];
  const rules = readDocument(document, (expected) => problems.push(expected));
  return problems.length > 0 ? { ok: false, problems } : { ok: true, rules };
}

function readDocument(document: unknown, refuse: Refuse): MethodRules {
  const rules = new Map<string, MethodRule>();
  if (!isObject(document)) {
    refuse('a JSON object with rpcConfigs and allowOtherRpcs');
    return { rules, allowOthers: false };
  }
  refuseOthers(document, ['rpcConfigs', 'allowOtherRpcs'], 'the document', refuse);
  const { rpcConfigs = {}, allowOtherRpcs = false } = document;
  if (typeof allowOtherRpcs !== 'boolean') refuse('allowOtherRpcs true or false');
  if (rpcConfigs !== null && !isObject(rpcConfigs)) refuse('rpcConfigs an object by method');
  const methods = isObject(rpcConfigs) ? Object.entries(rpcConfigs) : [];
  if (methods.length > RULES_MAX) refuse(`at most ${RULES_MAX} methods, not ${methods.length}`);
  for (const [method, config] of methods.slice(0, RULES_MAX)) {
    if (!/^[A-Za-z_][\w.]*\/[A-Za-z_]\w*$/.test(method)) refuse(`package.Service/Method, not ${JSON.stringify(method)}`);
    rules.set(method, readRule(method, config, refuse));
  }
  return { rules, allowOthers: allowOtherRpcs === true };
}

function readRule(method: string, config: unknown, refuse: Refuse): MethodRule {
  const rule = { idPath: [] as readonly number[], versionPath: null, headersFirst: false };
  if (!isObject(config)) {
    refuse(`${method}: an object with idExtractionPath and vModelId`);
    return { ...rule, names: 'model' };
  }
  refuseOthers(config, ['idExtractionPath', 'vModelId'], method, refuse);
  const { idExtractionPath, vModelId = false } = config;
  if (typeof vModelId !== 'boolean') refuse(`${method}: vModelId true or false`);
  const idPath = readPath(method, idExtractionPath ?? [], refuse);
  return { ...rule, idPath, names: vModelId === true ? 'endpoint' : 'model' };
}

function readPath(method: string, path: unknown, refuse: Refuse): readonly number[] {
  if (!Array.isArray(path) || path.some((number) => typeof number !== 'number')) {
    refuse(`${method}: idExtractionPath a list of field numbers such as [1] or [2, 1]`);
    return [];
  }
  if (path.length === 0) return [];
  try {
    return fieldPath(path);
  } catch (error) {
    refuse(`${method}: ${error instanceof MeshError ? error.message : 'a path of field numbers'}`);
    return [];
  }
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

function refuseOthers(object: Json, known: readonly string[], where: string, refuse: Refuse): void {
  for (const name of Object.keys(object)) {
    if (known.includes(name)) continue;
    const near = nearestName(name, known);
    const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
    refuse(`${where}: ${known.join(' and ')} alone; ${JSON.stringify(name)} is unknown${hint}`);
  }
}
