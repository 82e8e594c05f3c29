import { assertNever, MeshError } from '@modelmesh/core';

/** What a path asks for. */
export type RestRoute =
  | { readonly [Kind in PlainKind]: { readonly kind: Kind } }[PlainKind]
  | { readonly [Kind in ModelKind]: ModelRoute<Kind> }[ModelKind]
  | { readonly kind: 'repository-load'; readonly name: string }
  | { readonly kind: 'repository-unload'; readonly name: string };

interface ModelRoute<Kind> {
  readonly kind: Kind;
  readonly name: string;
  readonly version: string | undefined;
  /** Of the variant of an endpoint. */
  readonly label: string | undefined;
}

type PlainKind = 'alive' | 'server-metadata' | 'server-live' | 'server-ready' | 'model-list' | 'repository-index' | 'v1-list';

type ModelKind = 'model-metadata' | 'model-ready' | 'infer' | 'generate' | 'generate-stream' | 'v1-status' | 'predict';

const READ: readonly string[] = ['GET', 'HEAD'];
const POST: readonly string[] = ['POST'];

/** The methods that a route takes, as `allow` lists them. */
export function methodsOf(kind: RestRoute['kind']): readonly string[] {
  switch (kind) {
    case 'alive':
      return ['GET', 'HEAD', 'POST'];
    case 'server-metadata':
    case 'server-live':
    case 'server-ready':
    case 'model-list':
    case 'model-metadata':
    case 'model-ready':
    case 'v1-list':
    case 'v1-status':
      return READ;
    case 'infer':
    case 'generate':
    case 'generate-stream':
    case 'predict':
    case 'repository-index':
    case 'repository-load':
    case 'repository-unload':
      return POST;
    default:
      return assertNever(kind);
  }
}

/** Whether a path is one of REST inference, known or not; a query is ignored. */
export function isRestPath(path: string): boolean {
  const at = path.indexOf('?');
  const bare = at < 0 ? path : path.slice(0, at);
  return (
    bare === '/' ||
    bare === '/v2' ||
    bare.startsWith('/v2/') ||
    bare === '/v1/models' ||
    bare.startsWith('/v1/models/') ||
    bare.startsWith('/v1/models:')
  );
}

const INFERS: ReadonlySet<RestRoute['kind'] | undefined> = new Set(['infer', 'predict', 'generate', 'generate-stream'] as const);

/** Whether a path calls a model; whatever else belongs to REST inference is answered from what control knows. */
export function infersAt(path: string): boolean {
  try {
    return isRestPath(path) && INFERS.has(parseRoute(path)?.kind);
  } catch {
    // Control says what is wrong with it.
    return false;
  }
}

/**
 * What `path` asks for; `undefined` if nothing is served there. One trailing slash makes no difference (spec `kserve.md` §6.5, 17); names are
 * percent-decoded segment by segment, so that they may hold a slash.
 *
 * @throws {MeshError} `invalid-argument` for percent-encoding that is no UTF-8.
 */
export function parseRoute(path: string): RestRoute | undefined {
  const segments = path.split('/').slice(1);
  if (segments.at(-1) === '') segments.pop();
  const [protocol, collection, ...rest] = segments;
  if (protocol === undefined) return { kind: 'alive' };
  if (protocol === 'v1') return collection === 'models' ? v1Route(rest) : undefined;
  if (protocol !== 'v2') return undefined;
  switch (collection) {
    case undefined:
      return { kind: 'server-metadata' };
    case 'health':
      return healthRoute(rest);
    case 'models':
      return modelRoute(rest);
    case 'repository':
      return repositoryRoute(rest);
    default:
      return undefined;
  }
}

function healthRoute([what, ...more]: readonly string[]): RestRoute | undefined {
  if (more.length > 0) return undefined;
  if (what === 'live') return { kind: 'server-live' };
  return what === 'ready' ? { kind: 'server-ready' } : undefined;
}

const MODEL_VERBS: ReadonlyMap<string | undefined, ModelKind> = new Map([
  [undefined, 'model-metadata'],
  ['ready', 'model-ready'],
  ['infer', 'infer'],
  ['generate', 'generate'],
  ['generate_stream', 'generate-stream'],
]);

function modelRoute(segments: readonly string[]): RestRoute | undefined {
  const [name, ...tail] = segments;
  if (name === undefined) return { kind: 'model-list' };
  const [what, which] = tail;
  const isNarrowed = isNarrowing(what) && which !== undefined;
  const [verb, ...more] = isNarrowed ? tail.slice(2) : tail;
  const kind = MODEL_VERBS.get(verb);
  if (kind === undefined || more.length > 0) return undefined;
  return { kind, name: decoded(name), ...narrowed(isNarrowed ? what : undefined, which) };
}

/** What stands behind a name and says which version of the family, or which variant of the endpoint, is meant. */
const isNarrowing = (segment: string | undefined): segment is 'versions' | 'labels' =>
  segment === 'versions' || segment === 'labels';

function narrowed(what: 'versions' | 'labels' | undefined, which = ''): Pick<ModelRoute<ModelKind>, 'version' | 'label'> {
  return {
    version: what === 'versions' ? decoded(which) : undefined,
    label: what === 'labels' ? decoded(which) : undefined,
  };
}

function repositoryRoute([what, name, verb, ...more]: readonly string[]): RestRoute | undefined {
  if (what === 'index') return name === undefined ? { kind: 'repository-index' } : undefined;
  if (what !== 'models' || name === undefined || more.length > 0) return undefined;
  if (verb === 'load') return { kind: 'repository-load', name: decoded(name) };
  return verb === 'unload' ? { kind: 'repository-unload', name: decoded(name) } : undefined;
}

const PREDICT = ':predict';

/** `{m}`, `{m}:predict`, and both with `/versions/{v}` or `/labels/{l}` before the colon, as TensorFlow Serving has it. */
function v1Route(segments: readonly string[]): RestRoute | undefined {
  const [name, ...tail] = segments;
  if (name === undefined) return { kind: 'v1-list' };
  const [what] = tail;
  if (tail.length > 0 && (!isNarrowing(what) || tail.length !== 2)) return undefined;
  const last = tail[1] ?? name;
  const predicts = last.endsWith(PREDICT);
  const bare = predicts ? last.slice(0, -PREDICT.length) : last;
  // A colon that belongs to a name may be percent-encoded; another verb is not served.
  if (!predicts && /:(explain|classify|regress)$/.test(last)) return undefined;
  const kind = predicts ? 'predict' : 'v1-status';
  if (!isNarrowing(what)) return { kind, name: decoded(bare), ...narrowed(undefined) };
  return { kind, name: decoded(name), ...narrowed(what, bare) };
}

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    const shown = JSON.stringify(segment.slice(0, 100));
    throw new MeshError('invalid-argument', `${shown} in the path is not percent-encoded UTF-8`, { cause: error });
  }
}
