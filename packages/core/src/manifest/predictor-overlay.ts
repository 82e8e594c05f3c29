/** Where a predictor says its model: `model`, or the older spelling, where the field's name is the format (spec `modelmesh-serving.md` §1.2). */
export const IMPLEMENTATIONS = ['model', 'xgboost', 'lightgbm', 'sklearn', 'tensorflow', 'onnx', 'pytorch', 'triton', 'pmml'];

/** Fields of a model that say what it is; others shape pods, and are warned about where they stand. */
const MODEL_FIELDS = ['modelFormat', 'runtime', 'protocolVersion', 'storageUri', 'storage'];

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What Go takes for "not given", so that KServe's overlay leaves the field below alone. */
const isZero = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === 0 ||
  value === false ||
  (isObject(value) && Object.keys(value).length === 0);

/**
 * The model of a canary's predictor laid over the service's: fields that are given win, at any depth (spec `kserve.md` §1.7). A model of another
 * spelling, and a source of another kind, take the place of the one below, which would contradict them.
 */
export function overlaidModel(canary: Fields, stable: Fields): Fields {
  const own = IMPLEMENTATIONS.filter((name) => !isZero(canary[name]));
  const below = IMPLEMENTATIONS.find((name) => !isZero(stable[name]));
  if (own.length === 0) return below === undefined ? {} : { [below]: modelFields(stable[below]) };
  return Object.fromEntries(own.map((name) => [name, name === below ? overlaid(canary[name], stable[name]) : canary[name]]));
}

function overlaid(canary: unknown, stable: unknown): unknown {
  const base = modelFields(stable);
  if (!isObject(canary) || !isObject(base)) return canary;
  const { storageUri, storage, ...others } = base;
  const storagePath = isObject(canary.storage) ? canary.storage.path : undefined;
  const kept: Fields = {
    ...others,
    ...(isZero(storagePath) ? { storageUri } : {}),
    ...(isZero(canary.storageUri) ? { storage } : { storage: withoutPath(storage) }),
  };
  return merged(canary, kept);
}

const withoutPath = (storage: unknown): unknown => (isObject(storage) ? { ...storage, path: undefined } : storage);

const modelFields = (model: unknown): unknown =>
  isObject(model)
    ? Object.fromEntries(MODEL_FIELDS.flatMap((name) => (isZero(model[name]) ? [] : [[name, model[name]]])))
    : model;

function merged(over: Fields, under: Fields): Fields {
  const fields = new Map(Object.entries(under));
  for (const [name, value] of Object.entries(over)) {
    const below = fields.get(name);
    if (isObject(value) && isObject(below)) fields.set(name, merged(value, below));
    else if (!isZero(value) || below === undefined) fields.set(name, value);
  }
  return Object.fromEntries(fields);
}
