import { endOfTurn, systemClock } from './clock/index.ts';
import type { RuntimeConfig, ServerKind } from './config/index.ts';
import { createGarbageCollector, createMemoryProbe } from './memory/index.ts';
import { RuntimeProcess } from './serve/index.ts';
import { type ModelServer, NullServer, OnnxServer, StreamTextServer, spawnWorker } from './servers/index.ts';
import { ContentCache, createFileStorage, createHttpStorage, createStorage } from './storage/index.ts';

/** Version that the runtime reports. */
export const RUNTIME_VERSION = '0.1.0';

const servers = {
  onnx: createOnnxServer,
  null: ({ capacityBytes }) => Promise.resolve(new NullServer(systemClock, { capacityBytes })),
  'stream-text': ({ capacityBytes }) => Promise.resolve(new StreamTextServer(systemClock, { capacityBytes })),
} satisfies Record<ServerKind, (config: RuntimeConfig) => Promise<ModelServer>>;

/** Puts a runtime process together; nothing listens yet. */
export async function composeRuntime(
  config: RuntimeConfig,
  onFault: (error: unknown, what: string) => void,
): Promise<RuntimeProcess> {
  const { listen, messageBytesMax, streamsMax } = config;
  const server = await servers[config.server](config);
  const garbage = { heldBytes: createMemoryProbe().read, collect: createGarbageCollector() };
  return new RuntimeProcess({ clock: systemClock, server, listen, messageBytesMax, streamsMax, garbage, onFault });
}

async function createOnnxServer(config: RuntimeConfig): Promise<ModelServer> {
  const { cacheFolder, cacheBytes, storageRoot, downloadBytesMax, downloadSilenceMs } = config;
  const cache = await ContentCache.open({ folder: cacheFolder, budgetBytes: cacheBytes });
  const { capacityBytes, defaultModelBytes, loadingConcurrencyMax, loadTimeoutMs } = config;
  const { workersMin, workersMax, runsQueuedMax, runBytesQueuedMax } = config;
  return new OnnxServer({
    clock: systemClock,
    endOfTurn,
    spawn: spawnWorker,
    probe: createMemoryProbe(),
    storage: createStorage({
      file: createFileStorage({ root: storageRoot }),
      http: createHttpStorage({ cache, clock: systemClock, fileBytesMax: downloadBytesMax, silenceMs: downloadSilenceMs }),
    }),
    storageRoot,
    facts: { capacityBytes, defaultModelBytes, loadingConcurrencyMax, loadTimeoutMs, version: RUNTIME_VERSION },
    workersMin,
    workersMax,
    runsQueuedMax,
    runBytesQueuedMax,
  });
}
