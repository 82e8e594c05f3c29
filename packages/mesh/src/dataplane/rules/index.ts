/** The door of the room: which methods are allowed, and where the ids stand in their messages. */
export { checkMethodRules, type RulesChange, readMethodRules, watchMethodRules } from './live-rules.ts';
export { DEFAULT_METHOD_RULES, type ParsedRules, parseMethodRules, RULES_BYTES_MAX, RULES_MAX } from './method-rules.ts';
