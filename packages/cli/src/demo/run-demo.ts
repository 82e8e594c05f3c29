import { MeshError, toMeshError } from '@modelmesh/core';
import { MeshClient } from '@modelmesh/sdk/client';
import { parseJson } from '@modelmesh/wire/oip';
import type { Cli } from '../cli.ts';
import { EXIT } from '../exit-code.ts';
import { readManifests } from '../manifests/index.ts';
import { type Column, durationText, styled, tableText, withProgress } from '../output/index.ts';
import type { Child, CliWorld } from '../world.ts';
import { type Comparison, compareOutputs, outputsText } from './compare.ts';
import { type DemoPlace, logPathOf, startDemoNode } from './demo-node.ts';
import { type Example, objectOf, outputsOf, readExamples } from './example.ts';
import { linesToCopy, urls } from './lines-to-copy.ts';

/** What the demonstration is told. */
export interface DemoOptions extends DemoPlace {
  /** Folder of the example models. */
  readonly examples: string;
  /** Ends after the answers instead of staying up. */
  readonly once: boolean;
}

/** One answer beside the recorded one. */
interface Row {
  readonly example: Example;
  readonly over: 'REST' | 'gRPC';
  readonly answer: string;
  readonly tookMs: number;
  readonly comparison: Comparison;
}

/** Starts a node, applies the examples, asks each of them over REST and gRPC, and stays up until Ctrl-C. */
export async function runDemo(cli: Cli, options: DemoOptions): Promise<void> {
  const { world } = cli;
  const examples = readExamples(options.examples);
  using client = new MeshClient({ server: `http://127.0.0.1:${options.port}` });
  const beganMs = world.clock.monotonicMs();
  const node = await withProgress(world, 'starting a node', () => startDemoNode(world, client.rest, options));
  try {
    const took = durationText(world.clock.monotonicMs() - beganMs);
    world.out.write(`a node is ready after ${took}; its log is ${logPathOf(options)}\n`);
    await applyExamples(world, client, examples);
    const rows = await askAll(world, client, examples);
    world.out.write(`\n${tableText(columnsFor(world), rows)}\n`);
    if (rows.some(({ comparison }) => !comparison.same)) cli.exitCode = EXIT.failed;
    if (options.once) return;
    showHowToCall(world, options.port, examples);
    await stayUp(cli, node);
  } finally {
    node.kill('SIGTERM');
    await withProgress(world, 'ending the node', () => node.ended);
  }
}

async function applyExamples(world: CliWorld, { rest }: MeshClient, examples: readonly Example[]): Promise<void> {
  const manifests = await readManifests(
    world,
    examples.map(({ manifestPath }) => manifestPath),
  );
  await withProgress(world, 'applying the example models', async () => {
    for (const { value } of manifests) await rest.apply(value, { signal: world.interrupted });
  });
  world.out.write(`${manifests.length} example models are registered; each is loaded by its first call\n`);
}

async function askAll(world: CliWorld, client: MeshClient, examples: readonly Example[]): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const signal = { signal: world.interrupted };
  for (const example of examples) {
    const { model, request } = example;
    const body = Buffer.from(request);
    await withProgress(world, `asking ${model}`, async () => {
      rows.push(await asked(world, example, 'REST', () => client.rest.inferJson(model, body, signal)));
      rows.push(await asked(world, example, 'gRPC', () => client.inferJson(model, body, signal)));
    });
  }
  return rows;
}

async function asked(world: CliWorld, example: Example, over: Row['over'], ask: () => Promise<string>): Promise<Row> {
  const beganMs = world.clock.monotonicMs();
  try {
    const answer = parseJson(Buffer.from(await ask()));
    const tookMs = world.clock.monotonicMs() - beganMs;
    const outputs = outputsOf(objectOf(answer, example.model).get('outputs'), example.model);
    const comparison = compareOutputs(outputs, example.outputs, example.tolerance);
    return { example, over, answer: outputsText(outputs), tookMs, comparison };
  } catch (error) {
    const { message } = toMeshError(error);
    if (world.interrupted.aborted) throw new MeshError('cancelled', 'interrupted', { cause: error });
    return { example, over, answer: '', tookMs: world.clock.monotonicMs() - beganMs, comparison: { same: false, why: message } };
  }
}

const columnsFor = ({ out }: CliWorld): readonly Column<Row>[] => [
  { title: 'MODEL', cell: ({ example }) => example.model },
  { title: 'OVER', cell: ({ over }) => over },
  { title: 'TOOK', cell: ({ tookMs }) => durationText(tookMs) },
  { title: 'ANSWER', cell: ({ answer }) => answer },
  { title: 'EXPECTED', cell: ({ example }) => outputsText(example.outputs) },
  {
    title: '',
    cell: ({ comparison }) => (comparison.same ? styled(out, 'green', 'same') : styled(out, 'red', `differs: ${comparison.why}`)),
  },
];

function showHowToCall({ out }: CliWorld, port: number, examples: readonly Example[]): void {
  for (const { title, text } of urls(port)) out.write(`${styled(out, 'bold', title.padEnd(12))}${text}\n`);
  for (const { title, text } of linesToCopy(port, examples)) out.write(`\n${styled(out, 'dim', `# ${title}`)}\n${text}\n`);
  out.write(`\n${styled(out, 'bold', 'Ctrl-C ends the node.')}\n`);
}

/** Until Ctrl-C, which is how it is meant to end, or until the node is gone. */
async function stayUp(cli: Cli, node: Child): Promise<void> {
  const { interrupted } = cli.world;
  const interruption = new Promise<'interrupted'>((resolve) => {
    if (interrupted.aborted) resolve('interrupted');
    interrupted.addEventListener('abort', () => resolve('interrupted'), { once: true });
  });
  const how = await Promise.race([interruption, node.ended]);
  if (how === 'interrupted') return;
  throw new MeshError('unavailable', `the node ended by itself:\n${node.lastLines().join('\n')}`);
}
