import { MeshError } from '@modelmesh/core';
import type { EventView } from '@modelmesh/sdk/client';
import { type Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import type { Cli } from '../cli.ts';
import { type Format, styled } from '../output/index.ts';
import { type ServerOptions, withOutput, withRest, withServer } from '../session.ts';

/** `mmesh events`. */
export function addEvents(program: Command, cli: Cli): void {
  const command = program
    .command('events')
    .summary('tell what happened, and what happens')
    .description(
      'Tells what happened lately on the node that answers; with --follow also what happens from now on, until Ctrl-C.',
    )
    .option('--follow', 'wait for further events')
    .option('--after <id>', 'only events after this one', eventId);
  withOutput(withServer(command)).action((options: EventsOptions) =>
    withRest(cli.world, options, async (rest) => {
      const follow = options.follow === true;
      const wish = { after: options.after ?? 0, follow, signal: cli.world.interrupted };
      try {
        for await (const event of rest.events(wish)) cli.world.out.write(eventText(cli, event, options.output));
      } catch (error) {
        // Whoever follows ends it so.
        if (!(error instanceof MeshError && error.kind === 'cancelled' && follow)) throw error;
      }
    }),
  );
}

interface EventsOptions extends ServerOptions {
  readonly output: Format;
  readonly follow?: boolean;
  readonly after?: number;
}

function eventId(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('expected the id of an event, a number');
  return Number(text);
}

/** One line of JSON, one document of YAML, or a line for people. */
function eventText({ world: { out } }: Cli, event: EventView, format: Format): string {
  if (format === 'json') return `${JSON.stringify(event)}\n`;
  if (format === 'yaml') return `---\n${stringify(event)}`;
  const about = event.model ?? event.endpoint ?? '';
  const kind = styled(out, /failed|lost|ended/.test(event.kind) ? 'red' : 'cyan', event.kind);
  return `${styled(out, 'dim', event.at)} ${kind} ${about === '' ? '' : `${about} `}${event.message}\n`;
}
