/** The door of the room: a move from the Java mesh, planned and done. */
export { type MigrationPlan, type MigrationStep, readVariables, type SettingDifference } from './plan.ts';
export { type Migration, planMove, runMove, type StepOutcome } from './run.ts';
export type { Survey } from './survey.ts';
