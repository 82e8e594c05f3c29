/** Tokens that the mesh gives to clients of sticky endpoints. */
import { setting } from './setting.ts';
import { integer, path } from './value-kind.ts';

const REMEMBERED_MAX = 1_000_000;

export const TOKEN_SETTINGS = {
  tokenKeys: setting<string | null>({
    path: 'tokens.keys',
    kind: path,
    default: null,
    defaultText: '`token-keys` in `dataDir`, made by the node; with etcd none',
    live: false,
    doc: 'Keys that sign the tokens of sticky endpoints: a file with a line `id:base64` for each, the one that signs first, or a folder with a file for each, as a secret is mounted. At most two. Read anew whenever they change. All nodes must have the same.',
  }),
  tokensRemembered: setting({
    path: 'tokens.rememberedMax',
    kind: integer(1, REMEMBERED_MAX),
    default: 10_000,
    live: false,
    doc: 'Verified tokens that a worker remembers, so that their clients cost no hash for each call; a longer list forgets those that came least lately.',
  }),
};
