/** The door of the room: what a node runs on, and how it is read. */

export type { Machine } from './assemble.ts';
export { type DefaultDifference, defaultDifferences } from './compat-defaults.ts';
export type { EtcdAddress, EtcdSettings } from './config.ts';
export {
  type AdminListenerConfig,
  type CacheConfig,
  type Config,
  type CorsConfig,
  type DataPlaneRulesConfig,
  type EmbeddedLimits,
  type LimitsConfig,
  type ListenerConfig,
  type ListenerRole,
  type MetricsConfig,
  NO_TIMEOUT_MS,
  type PeerConfig,
  type RegistryConfig,
  type RuntimeConfig,
  type StatsDConfig,
  type TlsConfig,
  type TokensConfig,
  type TypeConstraintsConfig,
} from './config.ts';
export { flagsHelp } from './flags-help.ts';
export { type FollowedConfig, followConfig } from './follow-config.ts';
export { LiveConfig, type LiveConfigParts, problemLines, type ReloadOutcome } from './live-config.ts';
export type { Environment } from './modelmesh-variables.ts';
export { nearestName } from './nearest-name.ts';
export { type ConfigCheck, type ConfigResult, type ConfigSources, parseConfig } from './parse-config.ts';
export { type ParsedFlags, parseFlags } from './parse-flags.ts';
export { CONFIG_PROBLEMS_MAX, type ConfigProblem, configProblemText } from './problem.ts';
export { configurationReference } from './reference.ts';
export { etcdAddress } from './value-kind.ts';
export { CONFIG_FILE_VARIABLE, type Flags } from './variable-layers.ts';
