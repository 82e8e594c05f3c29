import { type Clock, MeshError } from '@modelmesh/core';
import { withCopyWithdrawn, withoutFailureOf } from '@modelmesh/core/records';
import { encodeRecord, joinKey, type RegistryLayout } from '@modelmesh/wire/registry';
import type { Kv, KvCondition, KvOperation } from '../../kv/index.ts';
import { readDump } from '../dump-file.ts';
import { openPlace, type Place, type StorePlace } from '../place.ts';
import type { TellProgress } from '../tell-progress.ts';
import { transfer } from '../transfer.ts';
import { type MigrationPlan, type MigrationStep, planMigration } from './plan.ts';
import { type StaleModel, type Survey, staleModels, surveyInstances, surveyRegistry } from './survey.ts';

/** A move. */
export interface Migration {
  readonly from: StorePlace;
  /** Another store; `null`: the records stay where they are. */
  readonly to: StorePlace | null;
  readonly backupPath: string;
  readonly variables: Readonly<Record<string, string>> | null;
  readonly clock: Clock;
  readonly tell: TellProgress;
}

/** What became of a step. `waits`: the operator has to do something first. */
export interface StepOutcome {
  readonly name: MigrationStep['name'];
  readonly outcome: 'done' | 'nothing-to-do' | 'waits';
  readonly text: string;
}

/** Models whose claims are taken out in one transaction. */
const RELEASE_BATCH = 50;
/** How often claims are looked at anew because somebody wrote meanwhile. */
const RELEASE_ROUNDS_MAX = 5;

/** Looks at the registry and says what a move comes to. Nothing is written anywhere. @throws {MeshError} as the store says */
export async function planMove(migration: Migration): Promise<MigrationPlan> {
  const { from, to, backupPath, variables, clock, tell } = migration;
  const survey = await withStore(from, clock, true, (kv) => surveyRegistry(kv, from.layout, tell));
  const backup = { path: backupPath, isThere: await isWhole(backupPath) };
  return planMigration(survey, { backup, target: to?.text ?? null, variables });
}

/**
 * Does the steps that need no operator, in their order, up to the first that waits for one; run again, it goes on. `told` hears of each.
 *
 * @throws {MeshError} `failed-precondition` where a check finds what a person has to look at; as the stores say
 */
export async function runMove(migration: Migration, told: (outcome: StepOutcome) => void): Promise<void> {
  const { from, to, clock, tell } = migration;
  await backUp(migration, told);
  const java = await withStore(from, clock, true, (kv) => javaIn(kv, from.layout));
  if (java.length > 0) {
    const text = `Java instances live: ${java.slice(0, 5).join(', ')}${java.length > 5 ? ', …' : ''}; "mmesh migrate plan" tells what to do before they are stopped`;
    told({ name: 'stop-java', outcome: 'waits', text });
    return;
  }
  told({ name: 'stop-java', outcome: 'nothing-to-do', text: 'no Java instance lives' });
  if (to !== null) await copyTo(from, to, migration, told);
  const place = to ?? from;
  await withStore(place, clock, false, async (kv) => {
    await release(kv, place.layout, tell, told);
    await check(kv, place.layout, tell, told);
  });
  const text =
    to === null ? 'start the new nodes without KV_READ_ONLY, one after the other' : `start the new nodes on ${to.text}`;
  told({ name: 'write', outcome: 'waits', text });
}

async function withStore<Result>(
  place: StorePlace,
  clock: Clock,
  onlyReads: boolean,
  work: (kv: Kv) => Promise<Result>,
): Promise<Result> {
  const kv = await openPlace(place, clock, onlyReads);
  try {
    return await work(kv);
  } finally {
    await kv.close();
  }
}

const javaIn = async (kv: Kv, layout: RegistryLayout): Promise<readonly string[]> =>
  (await surveyInstances(kv, layout)).flatMap(({ id, kind }) => (kind === 'java' ? [id] : []));

const quiet: TellProgress = () => undefined;

const isWhole = (path: string): Promise<boolean> =>
  readDump(path, quiet).then(
    () => true,
    () => false,
  );

/** A backup that is whole stays: what was written later is not what one wants to go back to. */
async function backUp({ from, backupPath, clock, tell }: Migration, told: (outcome: StepOutcome) => void): Promise<void> {
  if (await isWhole(backupPath)) {
    told({ name: 'backup', outcome: 'nothing-to-do', text: `${backupPath} is there and whole` });
    return;
  }
  const to: Place = { kind: 'file', path: backupPath };
  const { digest } = await transfer({ from, to, overwrite: 'refuse', clock, tell });
  const { header } = await readDump(backupPath, quiet);
  if (header.checksum !== digest) throw new MeshError('internal', `${backupPath} is not what was written`);
  told({ name: 'backup', outcome: 'done', text: `every record is in ${backupPath}` });
}

async function copyTo(
  from: StorePlace,
  to: StorePlace,
  { clock, tell }: Migration,
  told: (outcome: StepOutcome) => void,
): Promise<void> {
  const { added, same, kept } = await transfer({ from, to, overwrite: 'newer', clock, tell });
  const text = added === 0 ? `${same + kept} records are in ${to.text} already` : `${added} records were copied to ${to.text}`;
  told({ name: 'copy', outcome: added === 0 ? 'nothing-to-do' : 'done', text });
}

/** Takes claims of instances that are gone out of the models. What a model says of living ones, and what is not known here, stays. */
async function release(kv: Kv, layout: RegistryLayout, tell: TellProgress, told: (outcome: StepOutcome) => void): Promise<void> {
  let claims = 0;
  for (let round = 1; ; round++) {
    const java = await javaIn(kv, layout);
    if (java.length > 0)
      throw new MeshError('failed-precondition', `a Java instance came up meanwhile: ${java.join(', ')}; stop it first`);
    const stale = await staleModels(kv, layout, tell);
    if (stale.length === 0) break;
    if (round > RELEASE_ROUNDS_MAX)
      throw new MeshError('failed-precondition', 'somebody else writes to the models; run the same command again');
    for (let first = 0; first < stale.length; first += RELEASE_BATCH) {
      const batch = stale.slice(first, first + RELEASE_BATCH);
      const outcome = await kv.txn(releaseOf(batch, layout));
      if (outcome.kind === 'committed') claims += batch.reduce((sum, { gone }) => sum + gone.length, 0);
      // What was not written, or may not have been, is found again in the next round.
      else if (outcome.kind === 'unknown') await kv.resolve(outcome);
      tell('releasing', Math.min(stale.length, first + RELEASE_BATCH), stale.length);
    }
  }
  const text =
    claims === 0
      ? 'no model has a copy of an instance that is gone'
      : `${claims} copies and failures of instances that are gone were taken out`;
  told({ name: 'release', outcome: claims === 0 ? 'nothing-to-do' : 'done', text });
}

function releaseOf(batch: readonly StaleModel[], layout: RegistryLayout) {
  const conditions = batch.map(({ placed }): KvCondition => {
    return { kind: 'unchanged', key: joinKey(layout, placed), modRevision: placed.entry.modRevision };
  });
  const operations = batch.map(({ placed, record, gone }): KvOperation => {
    const freed = gone.reduce((model, id) => withoutFailureOf(withCopyWithdrawn(model, id), id), record);
    return { kind: 'put', key: joinKey(layout, placed), value: encodeRecord(freed) };
  });
  return { conditions, operations };
}

async function check(kv: Kv, layout: RegistryLayout, tell: TellProgress, told: (outcome: StepOutcome) => void): Promise<void> {
  const survey: Survey = await surveyRegistry(kv, layout, tell);
  const { unreadable, dangling, counts } = survey;
  const first = unreadable[0]?.path ?? dangling[0]?.endpoint;
  if (first !== undefined)
    throw new MeshError(
      'failed-precondition',
      `${unreadable.length} records cannot be read and ${dangling.length} references lead nowhere, the first at ${first}; "mmesh migrate plan" lists ` +
        'them: mend or remove them, and run the same command again',
    );
  told({
    name: 'check',
    outcome: 'done',
    text: `${counts.models} models and ${counts.endpoints} vmodels can be read, and refer to what is there`,
  });
}
