import type { FieldReader, Findings } from '../field-reader.ts';
import { VARIANTS_MAX } from '../policy/index.ts';

type Spec = Readonly<Record<string, unknown>>;

/** What Seldon appends to the name of an experiment that changes no model's endpoint. */
const EXPERIMENT_SUFFIX = '.experiment';

/** The header in which Seldon answers the route of a call, and clients that want to keep it bring it back. */
const ROUTE_HEADER = 'x-seldon-route';

const UINT32 = { min: 0, max: 2 ** 32 - 1 };

interface Candidate {
  readonly name: string;
  readonly weight: number;
}

/**
 * The endpoint that an experiment says: named as its default model, whose callers share it, else as it is called in Seldon. Clients that bring
 * `x-seldon-route` back keep their variant by a signed token in the same header.
 */
export function experimentSpec(
  reader: FieldReader,
  experimentName: string,
  findings: Findings,
): { readonly name: string; readonly spec: Spec } | undefined {
  const resourceType = reader.oneOf('resourceType', ['model', 'pipeline', '']);
  if (resourceType === 'pipeline') reader.problem('resourceType', 'model: pipelines are not supported');
  const candidates = readCandidates(reader);
  const chosen = reader.text('default');
  if (chosen !== undefined && !candidates.some(({ name }) => name === chosen)) reader.problem('default', 'one of the candidates');
  const mirror = readMirror(reader.object('mirror'));
  reader.close();
  if (candidates.length === 0) return undefined;
  const endpoint = chosen ?? `${experimentName}${EXPERIMENT_SUFFIX}`;
  const variants = candidates.map(({ name, weight }) => ({ name, model: name, weight }));
  const isCandidate = mirror !== undefined && candidates.some(({ name }) => name === mirror.name);
  const shadow = mirror === undefined || isCandidate ? [] : [{ name: mirror.name, model: mirror.name, weight: 0 }];
  noteToken(reader, findings);
  const spec: Spec = {
    variants: [...variants, ...shadow],
    default: chosen ?? candidates[0]?.name,
    sticky: { token: { header: ROUTE_HEADER }, salt: endpoint },
    ...(mirror === undefined ? {} : { mirror: [{ to: mirror.name, percent: mirror.percent }] }),
  };
  return { name: endpoint, spec };
}

function readCandidates(reader: FieldReader): readonly Candidate[] {
  const readers = reader.objects('candidates', VARIANTS_MAX);
  if (readers.length === 0 && reader.isEmptyList('candidates'))
    reader.problem('candidates', 'a list of models, each with a weight');
  return readers.flatMap((candidate) => {
    const name = candidate.requiredText('name');
    if (!candidate.has('weight')) candidate.problem('weight', 'a whole number');
    const weight = candidate.integer('weight', UINT32) ?? 0;
    candidate.close();
    return name === undefined ? [] : [{ name, weight }];
  });
}

function readMirror(reader: FieldReader | undefined): { readonly name: string; readonly percent: number } | undefined {
  if (reader === undefined) return undefined;
  const name = reader.requiredText('name');
  if (!reader.has('percent')) reader.problem('percent', 'a whole number from 0 to 100');
  const percent = reader.integer('percent', { min: 0, max: 100 }) ?? 0;
  reader.close();
  return name === undefined ? undefined : { name, percent };
}

const noteToken = (reader: FieldReader, findings: Findings): void =>
  findings.warning(
    reader.path,
    ROUTE_HEADER,
    'tokens that the mesh signs: they need keys where the registry is etcd, and a route that a client made up counts for nothing',
  );
