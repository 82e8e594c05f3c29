import { idProblem } from '../identity/index.ts';
import { type EndpointPolicy, newEndpointPolicy, newVariant, type Variant } from '../records/index.ts';
import { endpointId, modelKey } from '../units.ts';
import type { FieldReader, TextRule } from './field-reader.ts';
import { RESOURCE_NAME, readMetadata } from './metadata.ts';
import type { EndpointResource } from './resource.ts';

/** Most variants that are looked at, though this version serves one: each further one is refused by name. */
export const VARIANTS_MAX = 64;

/** Weight of a variant that names none; with one variant every weight means all. */
const DEFAULT_WEIGHT = 100;

/** Parts of the policy language that this version does not speak yet. */
const NOT_YET = ['rules', 'sticky', 'strategy', 'mirror', 'fallback', 'rollout'];

const VARIANT_NAME: TextRule = {
  test: (text) => /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text),
  expected: 'a name of at most 63 letters, digits, dots, dashes and underscores',
};
const MODEL: TextRule = { test: (text) => idProblem(text) === undefined, expected: 'the key of a model, for instance fraud@3' };

/** Reads an `Endpoint`; what is wrong is among the findings, and the answer counts only if nothing is. */
export function readEndpoint(root: FieldReader): EndpointResource | undefined {
  const metadata = readMetadata(root, RESOURCE_NAME);
  const spec = root.object('spec');
  if (spec === undefined) {
    if (!root.has('spec')) root.problem('spec', 'an object with variants');
    return undefined;
  }
  const policy = readPolicy(spec);
  spec.unsupported(NOT_YET);
  spec.close();
  if (metadata === undefined || policy === undefined) return undefined;
  return { kind: 'Endpoint', metadata, id: endpointId(metadata.name), policy };
}

function readPolicy(spec: FieldReader): EndpointPolicy | undefined {
  const readers = spec.objects('variants', VARIANTS_MAX);
  if (readers.length === 0 && spec.isEmptyList('variants'))
    spec.problem('variants', 'a list of one variant with a name and a model');
  const variants = readers.map(readVariant);
  for (const further of readers.slice(1)) further.refuse('nothing: several variants are not supported by this version');
  const [only] = variants;
  const chosen = spec.text('default', VARIANT_NAME);
  if (chosen !== undefined && only !== undefined && !variants.some((variant) => variant?.name === chosen)) {
    spec.problem('default', 'the name of a variant');
  }
  return only === undefined ? undefined : newEndpointPolicy({ variants: [only], defaultVariant: chosen ?? only.name });
}

function readVariant(reader: FieldReader): Variant | undefined {
  const name = reader.requiredText('name', VARIANT_NAME);
  const model = reader.requiredText('model', MODEL);
  const weight = reader.amount('weight') ?? DEFAULT_WEIGHT;
  const label = reader.text('label', VARIANT_NAME);
  reader.close();
  if (name === undefined || model === undefined) return undefined;
  return newVariant({ name, model: modelKey(model), weight, labels: label === undefined ? [] : [label] });
}
