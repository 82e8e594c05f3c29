import { type Clock, toMeshError } from '@modelmesh/core';
import { watchFiles } from '../files/index.ts';
import type { Log } from '../log/index.ts';
import type { LiveConfig, ReloadOutcome } from './live-config.ts';
import { configProblemText } from './problem.ts';

/** A configuration that follows its file. */
export interface FollowedConfig {
  /** Reads everything again now, as for SIGHUP. */
  reload(): void;
  stop(): void;
}

/**
 * Reloads a configuration when its file changes, and tells `changed` of each new one. What became of a reload is logged: the parts that
 * changed, or in one line everything that is wrong and that the old configuration stays.
 *
 * @param path the YAML file, or `null` where there is none: then `reload` alone does it
 */
export function followConfig(parts: {
  readonly live: LiveConfig;
  readonly path: string | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly changed: (outcome: Extract<ReloadOutcome, { kind: 'changed' }>) => void;
}): FollowedConfig {
  const { live, path, clock, log, changed } = parts;
  const reload = (): void => {
    try {
      const outcome = live.reload();
      for (const warning of outcome.warnings) log.warn('config-warning', configProblemText(warning));
      tell(outcome, log);
      if (outcome.kind === 'changed') changed(outcome);
    } catch (error) {
      const mesh = toMeshError(error);
      log.error('config-kept', `the configuration in force stays: ${mesh.message}`, { error: mesh.cause ?? mesh });
    }
  };
  return { reload, stop: path === null ? () => {} : watchFiles([path], clock, reload) };
}

function tell(outcome: ReloadOutcome, log: Log): void {
  switch (outcome.kind) {
    case 'unchanged':
      log.debug('config-unchanged', 'the configuration was read again and says the same');
      return;
    case 'changed':
      log.info('config-changed', `configuration ${outcome.revision} is in force: ${outcome.parts.join(', ')} changed`, {
        revision: outcome.revision,
      });
      return;
    case 'kept':
      log.error('config-kept', `the configuration in force stays: ${outcome.problems.map(configProblemText).join('; ')}`);
  }
}
