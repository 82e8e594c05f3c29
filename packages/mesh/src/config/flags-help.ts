import { flagOf, type Setting } from './setting.ts';
import { SETTINGS, type SettingName } from './settings.ts';

/** Columns that the flags take. */
const FLAG_COLUMNS = 38;

/** What `--help` of a node says: each flag with its meaning. The reference has variables and defaults. */
export function flagsHelp(): string {
  const rows = (Object.keys(SETTINGS) as SettingName[]).map((name) => {
    const row: Setting<unknown> = SETTINGS[name];
    return `  ${flagOf(row.path).padEnd(FLAG_COLUMNS)} ${row.doc.replaceAll('`', '')}`;
  });
  const own = [
    ['--config <file>', 'A YAML file with the same settings.'],
    ['--help', 'This text.'],
    ['--version', 'The version of this program.'],
  ].map(([flag = '', says = '']) => `  ${flag.padEnd(FLAG_COLUMNS)} ${says}`);
  return [...own, ...rows].join('\n');
}
