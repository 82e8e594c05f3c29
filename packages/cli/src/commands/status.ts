import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit-code.ts';
import { bytesText, type Format, printValue, styled } from '../output/index.ts';
import { type ServerOptions, withOutput, withRest, withServer } from '../session.ts';

/** `mmesh status`. */
export function addStatus(program: Command, cli: Cli): void {
  const command = program
    .command('status')
    .summary('tell whether the mesh is ready, and how full it is')
    .description('Tells whether the node that answers is ready, and how full the mesh is. Ends with 4 where it is not ready.');
  withOutput(withServer(command)).action((options: ServerOptions & { readonly output: Format }) =>
    withRest(cli.world, options, async (rest) => {
      const signal = { signal: cli.world.interrupted };
      const [status, instances] = await Promise.all([rest.status(signal), rest.instances(signal)]);
      const total = {
        models: sum(instances.map(({ models }) => models)),
        usedBytes: sum(instances.map(({ usedBytes }) => usedBytes)),
        capacityBytes: sum(instances.map(({ capacityBytes }) => capacityBytes)),
      };
      if (!status.ready) cli.exitCode = EXIT.unavailable;
      const { out } = cli.world;
      printValue(cli.world, options.output, { server: rest.url, ...status, ...total }, () => {
        const state = status.ready ? styled(out, 'green', 'ready') : styled(out, 'red', 'not ready');
        out.write(`${rest.url} ${state}: ${status.name} ${status.version}\n`);
        const used = `${bytesText(total.usedBytes)} of ${bytesText(total.capacityBytes)}`;
        out.write(`instances: ${status.instances}; loaded copies: ${total.models}; memory: ${used}\n`);
      });
    }),
  );
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
