import { SeededRandom } from '@modelmesh/core';
import type { MirrorDiffView } from '@modelmesh/sdk/client';
import type { Answer, ExampleMesh } from './example-mesh.ts';

/** Pictures for each of the two pens. */
const PICTURES = 300;
/** Calls whose shadows are waited for before there are more: far fewer than may wait. */
const BATCH = 50;
/** How long the shadows of a batch may take. */
const SHADOWS_MS_MAX = 60_000;
const PIXELS = 64;
/** Darkest pixel of the pictures. */
const INK_MAX = 16;

const PENS = [
  { pen: 'sharp', smudge: 1 },
  { pen: 'blunt', smudge: 9 },
];

/** A quantized model as the shadow of the exact one: what the mesh says of their difference is what asking both shows. */
export async function shadowDiff(mesh: ExampleMesh): Promise<void> {
  for (const file of ['models/digits/model.yaml', 'models/digits-int8/model.yaml', 'shadow-diff/endpoint.yaml']) {
    await mesh.apply(file);
  }
  for (const [at, { pen, smudge }] of PENS.entries()) {
    const pictures = smudgedPictures(mesh, pen, smudge);
    const direct = (model: string) => mesh.callAll(PICTURES, (picture) => mesh.call(model, pictures[picture] ?? ''));
    const [exact, quantized] = [await direct('digits'), await direct('digits-int8')];
    const answers: Answer[] = [];
    while (answers.length < PICTURES) {
      const from = answers.length;
      answers.push(...(await mesh.callAll(BATCH, (next) => mesh.call('numbers', pictures[from + next] ?? '', { 'x-pen': pen }))));
      await shadowsDone(mesh, at * PICTURES + answers.length);
    }
    const isLive = answers.every(
      ({ variant, body }, picture) => variant === 'live' && dataOf(body) === dataOf(exact[picture]?.body),
    );
    mesh.claim(`${pen}: callers get the answers of the live model, and of nobody else`, isLive);
    const expected = exact.filter(({ body }, picture) => classOf(body) !== classOf(quantized[picture]?.body ?? '')).length;
    const found = (await diffOf(mesh))?.segments.find(({ segment }) => segment === pen);
    mesh.tell(
      `${pen}: ${found?.pairs} pairs, ${found?.flips} flips of the class, largest difference ${found?.largestDifference.toFixed(3)}`,
    );
    mesh.claim(`${pen}: every call was compared`, found?.pairs === PICTURES && found.bothOk === PICTURES);
    mesh.claim(
      `${pen}: the classes differ in ${expected} of ${PICTURES} answers, and just these were found`,
      found?.flips === expected,
    );
  }
  const samples = (await diffOf(mesh))?.samples ?? [];
  mesh.tell(`one of the samples: ${samples.find(({ kind }) => kind === 'flip')?.because ?? 'none'}`);
  mesh.claim(
    'samples of the pairs that differ are kept',
    samples.some(({ kind }) => kind === 'flip'),
  );
}

const diffOf = async (mesh: ExampleMesh): Promise<MirrorDiffView | undefined> => (await mesh.rest.diff('numbers')).mirrors[0];

/** Waits until the shadows of so many calls have been compared or dropped. @throws if they take too long */
async function shadowsDone(mesh: ExampleMesh, calls: number): Promise<void> {
  const untilMs = performance.now() + SHADOWS_MS_MAX;
  for (;;) {
    const segments = (await diffOf(mesh))?.segments ?? [];
    const dropped = segments.flatMap((segment) => Object.values(segment.dropped));
    const done = [...segments.map(({ pairs }) => pairs), ...dropped].reduce((sum, count) => sum + count, 0);
    if (done >= calls) return;
    if (performance.now() > untilMs) throw new Error(`${done} of ${calls} shadows are done after ${SHADOWS_MS_MAX} ms`);
  }
}

/** The recorded picture of a digit with noise on every pixel, the same in every run. */
function smudgedPictures(mesh: ExampleMesh, pen: string, smudge: number): readonly string[] {
  const random = new SeededRandom(6, pen);
  const request = JSON.parse(mesh.requestOf('digits')) as { readonly inputs: [{ readonly data: readonly number[] }] };
  const [input] = request.inputs;
  return Array.from({ length: PICTURES }, () => {
    const data = input.data.slice(0, PIXELS).map((ink) => {
      const smudged = ink + Math.round((random.unit() * 2 - 1) * smudge);
      return Math.min(INK_MAX, Math.max(0, smudged));
    });
    return JSON.stringify({ inputs: [{ ...input, data }] });
  });
}

interface Answered {
  readonly outputs?: readonly { readonly name: string; readonly data: readonly number[] }[];
}

const probabilitiesOf = (body: string): readonly number[] =>
  (JSON.parse(body) as Answered).outputs?.find(({ name }) => name === 'probabilities')?.data ?? [];

/** The class of the highest probability. */
const classOf = (body: string): number => {
  const probabilities = probabilitiesOf(body);
  return probabilities.indexOf(Math.max(...probabilities));
};

/** The numbers of an answer, which carries the name that was asked for beside them. */
const dataOf = (body = ''): string => JSON.stringify(body === '' ? null : (JSON.parse(body) as Answered).outputs);
