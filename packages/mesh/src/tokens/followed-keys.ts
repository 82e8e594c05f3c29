import { type Clock, type Random, toMeshError } from '@modelmesh/core';
import type { Config, ConfigProblem, TokensConfig } from '../config/index.ts';
import { watchFiles } from '../files/index.ts';
import type { Log } from '../log/index.ts';
import { readOrMakeTokenKeys, readTokenKeys } from './key-files.ts';
import type { TokenKeys, TokensReadiness } from './port.ts';

/** What following keys needs. */
export interface FollowedKeysParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const NO_KEYS_WITH_ETCD =
  'tokens are signed with keys that all nodes have: name a file or a folder of them in tokens.keys of every node, and start it again';

/** For `parseConfig`: what is wrong with the keys that a configuration names. */
export function checkTokenKeys({ tokens: { keys } }: Pick<Config, 'tokens'>): readonly ConfigProblem[] {
  if (keys.kind !== 'named') return [];
  try {
    readTokenKeys(keys.path);
    return [];
  } catch (error) {
    return [
      { name: 'tokens.keys', value: keys.path, from: 'tokens.keys', expected: `usable keys: ${toMeshError(error).message}` },
    ];
  }
}

/** The keys of tokens as their files say. A change that is wrong leaves the old ones. */
export class FollowedKeys {
  #keys: TokenKeys = [];
  #readiness: TokensReadiness = { ready: false, why: NO_KEYS_WITH_ETCD };
  #use: (keys: TokenKeys) => void = () => {};
  readonly #stopWatching: () => void;

  /** Reads the keys; makes those of a node that shares its registry with no other. A node without keys starts all the same. */
  constructor({ keys }: TokensConfig, { clock, random, log }: FollowedKeysParts) {
    if (keys.kind === 'none') {
      this.#stopWatching = () => {};
      return;
    }
    try {
      this.#take(keys.kind === 'own' ? readOrMakeTokenKeys(keys.path, random) : readTokenKeys(keys.path));
    } catch (error) {
      const why = toMeshError(error).message;
      this.#readiness = { ready: false, why };
      log.error('token-keys-missing', `sticky tokens cannot be given: ${why}`);
    }
    this.#stopWatching = watchFiles([keys.path], clock, () => this.#read(keys.path, log));
  }

  get keys(): TokenKeys {
    return this.#keys;
  }

  get readiness(): TokensReadiness {
    return this.#readiness;
  }

  /** From now on hears of each change. */
  onChange(use: (keys: TokenKeys) => void): void {
    this.#use = use;
  }

  stop(): void {
    this.#stopWatching();
  }

  #read(path: string, log: Log): void {
    try {
      const keys = readTokenKeys(path);
      if (isSame(keys, this.#keys)) return;
      this.#take(keys);
      this.#use(keys);
      log.info(
        'token-keys-changed',
        `keys of tokens were read anew: ${keys.map(({ id }) => id).join(', ')}; the first one signs`,
      );
    } catch (error) {
      log.error('token-keys-kept', `the old keys of tokens stay: ${toMeshError(error).message}`);
    }
  }

  #take(keys: TokenKeys): void {
    this.#keys = keys;
    this.#readiness = { ready: true };
  }
}

/** Other files in the same folder change too. */
const isSame = (some: TokenKeys, others: TokenKeys): boolean =>
  some.length === others.length &&
  some.every((key, at) => key.id === others[at]?.id && Buffer.from(key.secret).equals(others[at].secret));
