import { assertNever, MeshError } from '@modelmesh/core';
import type { DecisionsView, DecisionView, RestClient } from '@modelmesh/sdk/client';
import { type Command, InvalidArgumentError } from 'commander';
import type { Cli } from '../cli.ts';
import { type Column, type Format, printTable, printValue } from '../output/index.ts';
import { type ServerOptions, withOutput, withRest, withServer } from '../session.ts';

const EXPLAINED = ['model', 'request', 'eviction', 'instance'] as const;
type Explained = (typeof EXPLAINED)[number];

/** `mmesh explain KIND [NAME]`. */
export function addExplain(program: Command, cli: Cli): void {
  const command = program
    .command('explain')
    .summary('tell why a model was placed, evicted or refused, and where a call went')
    .description(
      'Tells what the nodes of the mesh decided lately, newest first: about a model, about a call by its request id if it failed, was ' +
        'repeated or came through an endpoint, the evictions of all models or of one, or what concerns an instance. Candidates and scores are in -o yaml and -o json.',
    )
    .argument('<kind>', EXPLAINED.join(', '), explained)
    .argument('[name]', 'key of a model, id of a request or of an instance; not needed for evictions');
  withOutput(withServer(command)).action((kind: Explained, name: string | undefined, options: ExplainOptions) =>
    withRest(cli.world, options, async (rest) => {
      const { records, unanswered } = await decisionsOf(rest, kind, name, { signal: cli.world.interrupted });
      printValue(cli.world, options.output, records, () =>
        printTable(
          cli.world,
          kind === 'request' ? REQUEST_COLUMNS : COLUMNS,
          records,
          'nothing was decided about it that a node still knows of',
        ),
      );
      if (unanswered.length > 0)
        cli.world.err.write(`no answer from ${unanswered.join(', ')}: what was decided there is missing\n`);
    }),
  );
}

interface ExplainOptions extends ServerOptions {
  readonly output: Format;
}

const COLUMNS: readonly Column<DecisionView>[] = [
  { title: 'AT', cell: ({ at }) => at },
  { title: 'BY', cell: ({ madeBy }) => madeBy },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'MODEL', cell: ({ model }) => model ?? '' },
  { title: 'INSTANCE', cell: ({ instance }) => instance ?? '' },
  { title: 'BECAUSE', cell: ({ because }) => because },
];

/** What an endpoint made of a call, as a decision about it tells. */
interface PickDetails {
  readonly endpoint: string;
  readonly revision: number;
  readonly variant: string;
  readonly rule: string | null;
  /** Whose copy answered, or was asked last. */
  readonly instance: string | null;
}

const pickOf = ({ details }: DecisionView): Partial<PickDetails> => (details.pick ?? {}) as Partial<PickDetails>;

/** A call came through an endpoint, or did not: those columns stay empty then. */
const REQUEST_COLUMNS: readonly Column<DecisionView>[] = [
  { title: 'AT', cell: ({ at }) => at },
  { title: 'BY', cell: ({ madeBy }) => madeBy },
  { title: 'ENDPOINT', cell: (record) => pickOf(record).endpoint ?? '' },
  { title: 'REVISION', cell: (record) => String(pickOf(record).revision ?? '') },
  { title: 'RULE', cell: (record) => pickOf(record).rule ?? '' },
  { title: 'VARIANT', cell: (record) => pickOf(record).variant ?? '' },
  { title: 'MODEL', cell: ({ model }) => model ?? '' },
  { title: 'COPY', cell: (record) => pickOf(record).instance ?? '' },
  { title: 'BECAUSE', cell: ({ because }) => because },
];

function decisionsOf(
  rest: RestClient,
  kind: Explained,
  name: string | undefined,
  options: { readonly signal: AbortSignal },
): Promise<DecisionsView> {
  if (kind === 'eviction') return rest.explainEvictions(name ?? null, options);
  if (name === undefined) throw new MeshError('invalid-argument', `name the ${kind}: mmesh explain ${kind} NAME`);
  switch (kind) {
    case 'model':
      return rest.explain(name, options);
    case 'request':
      return rest.explainRequest(name, options);
    case 'instance':
      return rest.explainInstance(name, options);
    default:
      return assertNever(kind);
  }
}

/** The kind that a word means, in the singular or the plural. */
function explained(word: string): Explained {
  const found = EXPLAINED.find((kind) => word === kind || word === `${kind}s`);
  if (found === undefined) throw new InvalidArgumentError(`expected one of ${EXPLAINED.join(', ')}`);
  return found;
}
