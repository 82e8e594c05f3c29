import { readFileSync } from 'node:fs';
import { type Clock, epochMs, MeshError } from '@modelmesh/core';
import type { EndpointStatus } from '@modelmesh/core/endpoints';
import { type Problem, parseStaticModels, problemText, type StaticModel } from '@modelmesh/core/manifest';
import type { ModelStatus } from '@modelmesh/core/registration';
import type { Config, ConfigProblem } from '../../config/index.ts';
import type { Log } from '../../log/index.ts';
import type { Control } from '../control.ts';

/** Older than any use: asking for a load must not make a model look as if it had been used. */
const LONG_AGO_MS = 365 * 86_400_000;

/** What a configuration says of static registration. */
export interface StaticModels {
  /** Those of the file first. */
  readonly models: readonly StaticModel[];
  readonly warnings: readonly string[];
}

interface Source {
  /** Name of the setting. */
  readonly name: string;
  /** Where the text is, as a problem shows it. */
  readonly place: string;
  readonly text: () => string;
}

/** The models that a configuration names. @throws {MeshError} `invalid-argument` with everything that is wrong */
export function readStaticModels(config: Config['staticModels']): StaticModels {
  const [models, warnings]: [StaticModel[], string[]] = [[], []];
  for (const source of sourcesOf(config)) {
    const parsed = parseStaticModels(source.text());
    if (!parsed.ok) throw new MeshError('invalid-argument', sentences(source, parsed.problems).join('\n'));
    models.push(...parsed.models);
    warnings.push(...sentences(source, parsed.warnings));
  }
  return { models, warnings };
}

/** For `parseConfig`: what is wrong with the models that a configuration names, the file included. */
export function checkStaticModels({ staticModels }: Pick<Config, 'staticModels'>): readonly ConfigProblem[] {
  return sourcesOf(staticModels).flatMap(({ name, place, text }): readonly ConfigProblem[] => {
    const got = { name, value: null, fault: 'invalid', from: place } as const;
    try {
      const parsed = parseStaticModels(text());
      return parsed.ok ? [] : parsed.problems.map((problem) => ({ ...got, expected: problemText(problem) }));
    } catch (error) {
      return [{ ...got, expected: error instanceof Error ? error.message : String(error) }];
    }
  });
}

function sourcesOf({ inline, file }: Config['staticModels']): readonly Source[] {
  return [
    ...(file === null ? [] : [{ name: 'staticModels.file', place: file, text: () => readText(file) }]),
    ...(inline === null ? [] : [{ name: 'staticModels.inline', place: 'staticModels.inline', text: () => inline }]),
  ];
}

const sentences = ({ place }: Source, problems: readonly Problem[]): readonly string[] =>
  problems.map((problem) => `${place}: ${problemText(problem)}`);

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new MeshError('invalid-argument', `a file that can be read: ${path} cannot: ${code}`, { cause: error });
  }
}

/** What registering is done with. */
export interface StaticRegistration {
  readonly control: Control;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Registers the models that a node was configured with, one after the other, and waits for those that must be loaded (spec `modelmesh.md` §4.16).
 *
 * @throws {MeshError} `failed-precondition` that names the model which could not be registered or loaded: the node must not start then
 */
export async function registerStaticModels(models: readonly StaticModel[], around: StaticRegistration): Promise<void> {
  const { control, clock, log } = around;
  const { signal } = new AbortController();
  const awaited = new Set<string>();
  for (const model of models) {
    const loaded = await registered(model, () => register(model, control, signal));
    if (model.ensureLoaded && !loaded) awaited.add(model.modelId);
  }
  if (models.length > 0) log.info('static-models', `${models.length} models are registered as configured`);
  if (awaited.size === 0) return;
  log.info('static-models-wait', `the start waits for ${awaited.size} models to be loaded: ${[...awaited].join(', ')}`);
  const longAgoMs = epochMs(clock.wallMs() - LONG_AGO_MS);
  // All at once: the cache knows best in which order, and how many at a time.
  await Promise.all([...awaited].map(async (id) => loadedOrRefused(id, await control.ensureLoaded(id, longAgoMs, true, signal))));
  log.info('static-models-loaded', 'the models that had to be loaded are');
}

/** Registers one model; whether it is loaded and, with an endpoint, answers there. */
async function register(model: StaticModel, control: Control, signal: AbortSignal): Promise<boolean> {
  const { modelId, info, vModelId, ensureLoaded: loadNow } = model;
  if (vModelId === null) {
    const status = await control.registerModel({ modelId, info, loadNow, sync: false, lastUsedMs: epochMs(0) }, signal);
    return status.status === 'LOADED';
  }
  const status = await control.setEndpoint(
    {
      vModelId,
      targetModelId: modelId,
      owner: '',
      updateOnly: false,
      modelInfo: info,
      autoDeleteTargetModel: !model.retainAfterTransition,
      loadNow,
      force: false,
      sync: false,
      expectedTargetModelId: '',
    },
    signal,
  );
  return answersWith(status, modelId);
}

const answersWith = (status: EndpointStatus, modelId: string): boolean =>
  status.status !== 'NOT_FOUND' && status.activeModelId === modelId && status.activeModelStatus.status === 'LOADED';

async function registered(model: StaticModel, run: () => Promise<boolean>): Promise<boolean> {
  try {
    return await run();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MeshError('failed-precondition', `the configured model ${model.modelId} could not be registered: ${why}`, {
      cause: error,
    });
  }
}

function loadedOrRefused(modelId: string, { status, errors }: ModelStatus): void {
  if (status !== 'LOADING_FAILED') return;
  const why = errors.length === 0 ? 'its load failed' : errors.join('; ');
  throw new MeshError('failed-precondition', `the configured model ${modelId} could not be loaded (ensureLoaded): ${why}`);
}
