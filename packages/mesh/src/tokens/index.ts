/** The door of the room: signed tokens that keep a client at its variant. */

export { checkTokenKeys, FollowedKeys, type FollowedKeysParts } from './followed-keys.ts';
export { readOrMakeTokenKeys, readTokenKeys } from './key-files.ts';
export { NO_TOKENS } from './no-tokens.ts';
export {
  type IssuedToken,
  KEY_BYTES_MAX,
  KEY_BYTES_MIN,
  KEY_ID_CHARS_MAX,
  TOKEN_CHARS_MAX,
  TOKEN_KEYS_MAX,
  type TokenKey,
  type TokenKeys,
  type TokenOutcome,
  type TokenProblem,
  type TokensReadiness,
  type TokenVault,
  type TokenVerdict,
} from './port.ts';
export { SignedVault, type SignedVaultParts, type TokenFigures } from './signed-vault.ts';
export { type CallToken, type TokenUse, tokenAnswerFields, tokenOfCall } from './token-fields.ts';
