import type { ModelKey } from '@modelmesh/core';
import { type HeaderBlock, type HeaderRecipe, headerRecipe } from '@modelmesh/grpc/stream';
import { HEADER, isStrippedTowardsRuntime, runtimeIdHeaders } from '@modelmesh/wire/headers';

/** Fields that a compressed or typed gRPC message cannot do without, though their like is kept from the runtime; and the method itself. */
const CARRIED = new Set([':path', 'content-type', HEADER.grpcEncoding, HEADER.grpcAcceptEncoding] as string[]);

/** Models whose recipe is kept; beyond, the one that was made first is made anew when it is needed. */
export const RECIPES_MAX = 1024;

const PLAIN_ANSWER = headerRecipe({ drops: (name) => name === HEADER.grpcAcceptEncoding });

/** A block without what says which compressed answers can be read: for calls whose answers the node itself takes apart. */
export const forPlainAnswer = (block: HeaderBlock): HeaderBlock => block.derive(PLAIN_ANSWER);

/** Makes the header blocks of calls as the runtime gets them. What is the same for all calls of a model is made once. */
export class RuntimeHeaders {
  readonly #recipes = new Map<ModelKey, HeaderRecipe>();

  /** Models whose recipe is kept now. */
  get kept(): number {
    return this.#recipes.size;
  }

  /**
   * The client's metadata as it came, without what is the mesh's or the transport's, and the model's key (spec `modelmesh.md` §2.2).
   *
   * @param client has `:path`
   */
  of(client: HeaderBlock, model: ModelKey): HeaderBlock {
    let recipe = this.#recipes.get(model);
    if (recipe === undefined) {
      recipe = recipeOf(model);
      if (this.#recipes.size >= RECIPES_MAX) this.#forgetOldest();
      this.#recipes.set(model, recipe);
    }
    return client.derive(recipe);
  }

  #forgetOldest(): void {
    for (const oldest of this.#recipes.keys()) {
      this.#recipes.delete(oldest);
      return;
    }
  }
}

function recipeOf(model: ModelKey): HeaderRecipe {
  return headerRecipe({
    front: [':method', 'POST', ':scheme', 'http', ':authority', 'localhost'],
    drops: (name) => isStrippedTowardsRuntime(name) && !CARRIED.has(name),
    back: ['te', 'trailers', ...runtimeIdHeaders(model)],
  });
}
