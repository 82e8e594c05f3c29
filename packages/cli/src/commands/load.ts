import type { ModelView, RestClient } from '@modelmesh/sdk/client';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { bytesText, durationText, withProgress } from '../output/index.ts';
import { type ServerOptions, withRest, withServer } from '../session.ts';

/** `mmesh load MODEL`. */
export function addLoad(program: Command, cli: Cli): void {
  const command = program
    .command('load')
    .summary('load a model now')
    .description('Loads a model unless it is loaded, and waits for it. Models are loaded by their first call anyway.')
    .argument('<key>', 'key of the model')
    .option('--no-wait', 'do not wait for the load');
  withServer(command).action((key: string, options: ServerOptions & { readonly wait: boolean }) =>
    withRest(cli.world, options, (rest) => load(cli, rest, key, options.wait)),
  );
}

/** `mmesh unload MODEL`. */
export function addUnload(program: Command, cli: Cli): void {
  const command = program
    .command('unload')
    .summary('drop the copies of a model')
    .description('Drops the copies of a model and keeps its registration: its next call loads it again.')
    .argument('<key>', 'key of the model');
  withServer(command).action((key: string, options: ServerOptions) =>
    withRest(cli.world, options, async (rest) => {
      await withProgress(cli.world, `unloading ${key}`, () => rest.unload(key, { signal: cli.world.interrupted }));
      cli.world.out.write(`${key} unloaded\n`);
    }),
  );
}

async function load({ world }: Cli, rest: RestClient, key: string, wait: boolean): Promise<void> {
  const beganMs = world.clock.monotonicMs();
  const model: ModelView = await withProgress(world, `loading ${key}`, () => rest.load(key, { wait, signal: world.interrupted }));
  const took = durationText(world.clock.monotonicMs() - beganMs);
  const memory = model.memory.bookedBytes === null ? '' : `, ${bytesText(model.memory.bookedBytes)}`;
  world.out.write(wait ? `${model.key} loaded in ${took}${memory}\n` : `${model.key} ${model.status}\n`);
}
