import { setting } from './setting.ts';
import { jsonList, path, yesNo } from './value-kind.ts';

/** What a node does with the registry when it starts, and whether it may change it. */
export const START_SETTINGS = {
  readOnly: setting({
    path: 'registry.readOnly',
    kind: yesNo,
    default: false,
    modelMesh: { names: ['KV_READ_ONLY'] },
    live: false,
    doc: 'For a move between registries: models and endpoints are neither added, changed nor removed, and no transition goes on; copies are loaded, and claimed, as ever.',
  }),
  staticModels: setting<string | null>({
    path: 'staticModels.inline',
    kind: jsonList,
    default: null,
    modelMesh: { names: ['MM_AUTO_REGISTER_MODELS', 'MM_AUTO_REGISTER_MODEL'] },
    live: false,
    doc: 'Models that this node registers when it starts, after those of the file, in the JSON of ModelMesh: a list of `{modelId, modelInfo: {type, path, key}, vModelId, retainAfterTransition, ensureLoaded}`. With `ensureLoaded` the start waits for the load, and ends if it fails.',
  }),
  staticModelsFile: setting<string | null>({
    path: 'staticModels.file',
    kind: path,
    default: null,
    modelMesh: { names: ['MM_AUTO_REGISTER_MODEL_PATH', 'MM_AUTO_REGISTER_MODELS_PATH'] },
    live: false,
    doc: 'The same in a file, which is read once.',
  }),
};
