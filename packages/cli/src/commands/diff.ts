import type { DiffSampleView, MirrorDiffView, SegmentDiffView } from '@modelmesh/sdk/client';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { type Column, type Format, printTable, printValue } from '../output/index.ts';
import { type ServerOptions, withOutput, withRest, withServer } from '../session.ts';

/** `mmesh diff ENDPOINT`. */
export function addDiff(program: Command, cli: Cli): void {
  const command = program
    .command('diff')
    .summary("tell how the answers of an endpoint's shadows compare with the live ones")
    .description(
      'Tells how the answers of the shadows of an endpoint compare with those of its live calls, over all nodes, since they started: a line for ' +
        'each shadow, revision of the policy and segment, the newest revision first. What was not mirrored is counted by its cause in -o yaml and -o json.',
    )
    .argument('<endpoint>', 'name of an endpoint')
    .option('--samples', 'show pairs that differ instead, the worst first');
  withOutput(withServer(command)).action((endpoint: string, options: DiffOptions) =>
    withRest(cli.world, options, async (rest) => {
      const { mirrors, unanswered } = await rest.diff(endpoint, { signal: cli.world.interrupted });
      printValue(cli.world, options.output, mirrors, () => {
        if (options.samples === true)
          printTable(cli.world, SAMPLES, mirrors.flatMap(samplesOf), 'no pair differs that a node knows of');
        else printTable(cli.world, SUMS, mirrors.flatMap(sumsOf), 'no call of the endpoint was mirrored');
      });
      if (unanswered.length > 0) cli.world.err.write(`no answer from ${unanswered.join(', ')}: what was seen there is missing\n`);
    }),
  );
}

interface DiffOptions extends ServerOptions {
  readonly output: Format;
  readonly samples?: boolean;
}

type Sums = SegmentDiffView & Pick<MirrorDiffView, 'mirror' | 'revision'>;
type Sample = DiffSampleView & Pick<MirrorDiffView, 'mirror' | 'revision'>;

const sumsOf = ({ mirror, revision, segments }: MirrorDiffView): readonly Sums[] =>
  segments.map((segment) => ({ mirror, revision, ...segment }));
const samplesOf = ({ mirror, revision, samples }: MirrorDiffView): readonly Sample[] =>
  samples.map((sample) => ({ mirror, revision, ...sample }));

const SUMS: readonly Column<Sums>[] = [
  { title: 'SHADOW', cell: ({ mirror }) => mirror },
  { title: 'REVISION', cell: ({ revision }) => String(revision) },
  { title: 'SEGMENT', cell: ({ segment }) => segment ?? '' },
  { title: 'PAIRS', cell: ({ pairs }) => String(pairs) },
  { title: 'EQUAL', cell: ({ equal, compared }) => share(equal, compared) },
  { title: 'FLIPPED', cell: ({ flipped }) => String(flipped) },
  { title: 'LARGEST', cell: ({ largestDifference, compared }) => (compared === 0 ? '' : short(largestDifference)) },
  { title: 'TOP-K', cell: ({ topKAgreement }) => (topKAgreement === null ? '' : short(topKAgreement)) },
  { title: 'COSINE', cell: ({ cosineMean }) => (cosineMean === null ? '' : short(cosineMean)) },
  { title: 'LIVE-ONLY', cell: ({ liveOnly }) => String(liveOnly) },
  { title: 'SHADOW-ONLY', cell: ({ shadowOnly }) => String(shadowOnly) },
  { title: 'P99', cell: ({ live, shadow }) => `${ms(live.p99Ms)} → ${ms(shadow.p99Ms)}` },
  { title: 'DROPPED', cell: ({ dropped }) => String(Object.values(dropped).reduce((sum, one) => sum + one, 0)) },
];

const SAMPLES: readonly Column<Sample>[] = [
  { title: 'AT', cell: ({ at }) => at },
  { title: 'SHADOW', cell: ({ mirror }) => mirror },
  { title: 'REVISION', cell: ({ revision }) => String(revision) },
  { title: 'SEGMENT', cell: ({ segment }) => segment ?? '' },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'REQUEST', cell: ({ requestId }) => requestId ?? '' },
  { title: 'TOOK', cell: ({ liveMs, shadowMs }) => `${ms(liveMs)} → ${ms(shadowMs)}` },
  { title: 'BECAUSE', cell: ({ because }) => because },
];

/** In per cent of what was compared, cut: all is only shown where it is all. */
function share(part: number, whole: number): string {
  return whole === 0 ? '' : `${Math.floor((part / whole) * 10_000) / 100}%`;
}

const short = (value: number): string => String(Number(value.toPrecision(4)));
const ms = (value: number | null): string => (value === null ? '?' : `${short(value)}ms`);
