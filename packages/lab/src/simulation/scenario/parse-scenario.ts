import type { Scenario } from './scenario.ts';

const LISTS = ['nodes', 'models', 'traffic', 'faults', 'steps'] as const;
const NUMBERS = ['seed', 'durationMs', 'historyMax'] as const;

/** Reads a scenario from the text that a failure printed. @throws {Error} that names what is missing */
export function parseScenario(text: string): Scenario {
  const given = JSON.parse(text) as Record<string, unknown>;
  for (const name of LISTS) if (!Array.isArray(given[name])) throw new Error(`a scenario has a list "${name}"`);
  for (const name of NUMBERS) if (typeof given[name] !== 'number') throw new Error(`a scenario has a number "${name}"`);
  return given as unknown as Scenario;
}
