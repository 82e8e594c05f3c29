import { type ConfigProblem, configProblemText, defaultDifferences, parseConfig } from '../../config/index.ts';
import type { Survey } from './survey.ts';

/** Instances that a step names. */
const NAMED_MAX = 5;

/** One step of a move. `operator`: nobody but a person, or what they have it done by, can do it. */
export interface MigrationStep {
  readonly name: 'backup' | 'beside' | 'switch' | 'stop-java' | 'copy' | 'release' | 'check' | 'write' | 'roll-back';
  readonly who: 'tool' | 'operator';
  /** `next`: it is to be done now; `optional`: only if something goes wrong. */
  readonly state: 'done' | 'next' | 'later' | 'optional';
  readonly text: string;
}

/** A setting that a node of ours would take otherwise than the Java mesh does, or not at all. */
export interface SettingDifference {
  /** `default`: the variable is not set, and its default is another one here. */
  readonly kind: 'refused' | 'no-effect' | 'default';
  readonly text: string;
}

/** A move as it stands: what is there, and what happens step by step. */
export interface MigrationPlan {
  readonly survey: Survey;
  readonly settings: readonly SettingDifference[];
  /** What has to be looked at by a person before anything is moved. */
  readonly problems: readonly string[];
  readonly steps: readonly MigrationStep[];
}

/** What a plan depends on besides the registry. */
export interface PlanSituation {
  /** Where the backup is to be, and whether it is there and whole. */
  readonly backup: { readonly path: string; readonly isThere: boolean };
  /** The store that records are moved to; `null`: they stay where they are. */
  readonly target: string | null;
  /** Variables of the Java mesh; `null` where nobody gave them. */
  readonly variables: Readonly<Record<string, string>> | null;
}

/** Reads variables as `env` prints them, one `NAME=value` a line. */
export function readVariables(text: string): Readonly<Record<string, string>> {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const named = lines.filter((line) => line !== '' && !line.startsWith('#') && line.includes('='));
  return Object.fromEntries(named.map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1)]));
}

/** What of these variables a node of ours would refuse, leave without effect, or take another default for. */
export function settingDifferences(variables: Readonly<Record<string, string>>): readonly SettingDifference[] {
  const machine = { hostName: 'migrate', tempFolder: '/tmp' };
  const result = parseConfig({ env: variables, flags: new Map(), machine, checks: [] });
  const of = (kind: SettingDifference['kind'], problems: readonly ConfigProblem[]): SettingDifference[] =>
    problems.map((problem) => ({ kind, text: configProblemText(problem) }));
  const defaults = defaultDifferences(variables).map(({ path, ours, modelMesh }): SettingDifference => {
    const text = `${path} is ${JSON.stringify(ours)} unless set, ${JSON.stringify(modelMesh)} in ModelMesh and under MM_COMPAT=modelmesh`;
    return { kind: 'default', text };
  });
  return [...of('refused', result.ok ? [] : result.problems), ...of('no-effect', result.warnings), ...defaults];
}

/** Decides the steps of a move from what is there. */
export function planMigration(survey: Survey, situation: PlanSituation): MigrationPlan {
  const settings = situation.variables === null ? [] : settingDifferences(situation.variables);
  return { survey, settings, problems: problemsOf(survey, settings), steps: stepsOf(survey, situation) };
}

function problemsOf({ unreadable, dangling, transitions }: Survey, settings: readonly SettingDifference[]): readonly string[] {
  const refused = settings.filter(({ kind }) => kind === 'refused').length;
  return [
    ...(unreadable.length === 0 ? [] : [`${unreadable.length} records cannot be read by this version; nodes leave them out`]),
    ...(dangling.length === 0 ? [] : [`${dangling.length} references of vmodels lead to models that are not there`]),
    ...(transitions.length === 0
      ? []
      : [`${transitions.length} vmodels are in transition; the leader of the new nodes goes on with them`]),
    ...(refused === 0 ? [] : [`${refused} variables would stop a node of ours from starting`]),
  ];
}

interface DraftStep extends Pick<MigrationStep, 'name' | 'who' | 'text'> {
  readonly isDone: boolean;
}

const draft = (name: DraftStep['name'], who: DraftStep['who'], isDone: boolean, text: string): DraftStep => ({
  name,
  who,
  isDone,
  text,
});

function stepsOf(survey: Survey, situation: PlanSituation): readonly MigrationStep[] {
  const { backup, target } = situation;
  const drafts = target === null ? stepsInPlace(survey, situation) : stepsElsewhere(survey, situation, target);
  const next = drafts.find(({ isDone }) => !isDone);
  const steps = drafts.map((one): MigrationStep => {
    const { isDone, ...step } = one;
    return { ...step, state: isDone ? 'done' : one === next ? 'next' : 'later' };
  });
  const back =
    target === null
      ? `stop the new nodes and start the Java ones: they keep what they do not know of a record. To have records as they were: mmesh registry ` +
        `import ${backup.path} --replace --to this registry, while no node runs`
      : 'stop the new nodes and start the Java ones: their registry was not changed';
  return [...steps, { name: 'roll-back', who: 'operator', state: 'optional', text: back }];
}

const backupStep = ({ backup }: PlanSituation): DraftStep =>
  draft('backup', 'tool', backup.isThere, `write every record into ${backup.path}, to go back to`);

function stopStep({ instances }: Survey): DraftStep {
  const java = instances.filter(({ kind }) => kind === 'java').map(({ id }) => id);
  const named = java.length === 0 ? '' : ` (${java.slice(0, NAMED_MAX).join(', ')}${java.length > NAMED_MAX ? ', …' : ''})`;
  const text = `stop the Java instances${named}; 20 s after their end they are gone from the registry, and nothing that is registered is lost`;
  return draft('stop-java', 'operator', java.length === 0, text);
}

function stepsInPlace(survey: Survey, situation: PlanSituation): readonly DraftStep[] {
  const stop = stopStep(survey);
  const isBeside = survey.instances.some(({ kind }) => kind === 'ours');
  const beside =
    'start the new nodes beside the Java ones with the same KV_STORE, MM_KVSTORE_PREFIX and MM_SERVICE_NAME, and KV_READ_ONLY=true: they load ' +
    'and answer, and add, change or remove no model and no vmodel';
  const claims = survey.staleClaims;
  return [
    backupStep(situation),
    draft('beside', 'operator', stop.isDone || isBeside, beside),
    draft('switch', 'operator', stop.isDone, 'send clients to the new nodes, and see that their calls are answered'),
    stop,
    draft(
      'release',
      'tool',
      stop.isDone && claims === 0,
      'take copies and failures of instances that are gone out of the models',
    ),
    draft('check', 'tool', false, 'read everything back: each record can be read, and nothing refers to what is not there'),
    draft('write', 'operator', false, 'start the new nodes again without KV_READ_ONLY, one after the other'),
  ];
}

const stepsElsewhere = (survey: Survey, situation: PlanSituation, target: string): readonly DraftStep[] => [
  backupStep(situation),
  stopStep(survey),
  draft('copy', 'tool', false, `copy every record to ${target}`),
  draft('release', 'tool', false, 'take copies and failures of instances that are gone out of the copied models'),
  draft('check', 'tool', false, 'read everything back there'),
  draft('write', 'operator', false, `start the new nodes on ${target}, and send clients to them`),
];
