/** An item's place in a heap; `index` is −1 while it is in none. */
export interface HeapNode<Item> {
  /** Smaller comes first. */
  key: number;
  /** Decides between equal keys: smaller comes first. Unique within a heap. */
  readonly order: number;
  readonly item: Item;
  index: number;
}

/** A node that is in no heap yet. */
export function heapNode<Item>(item: Item, key: number, order: number): HeapNode<Item> {
  return { key, order, item, index: -1 };
}

/**
 * A binary heap whose nodes know their places, so that removing one or changing its key costs O(log n). Chosen over a sorted list or a
 * tree because the cache needs the smallest alone, and over a linked list because explicit times insert anywhere.
 */
export class IndexedHeap<Item> {
  readonly #nodes: HeapNode<Item>[] = [];

  get size(): number {
    return this.#nodes.length;
  }

  peek(): HeapNode<Item> | undefined {
    return this.#nodes[0];
  }

  has(node: HeapNode<Item>): boolean {
    return this.#nodes[node.index] === node;
  }

  push(node: HeapNode<Item>): void {
    node.index = this.#nodes.length;
    this.#nodes.push(node);
    this.#rise(node);
  }

  pop(): HeapNode<Item> | undefined {
    const first = this.#nodes[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Does nothing if the node is not in this heap. */
  remove(node: HeapNode<Item>): void {
    if (!this.has(node)) return;
    const last = this.#nodes.pop();
    const hole = node.index;
    node.index = -1;
    if (last === undefined || last === node) return;
    this.#place(last, hole);
    this.#rise(last);
    this.#sink(last);
  }

  /** Gives the node another key and its new place. Outside a heap only the key changes. */
  update(node: HeapNode<Item>, key: number): void {
    node.key = key;
    if (!this.has(node)) return;
    this.#rise(node);
    this.#sink(node);
  }

  /** Gives every node the key that `keyOf` says, in O(n): cheaper than many updates. */
  rekey(keyOf: (item: Item) => number): void {
    for (const node of this.#nodes) node.key = keyOf(node.item);
    for (let at = (this.#nodes.length >> 1) - 1; at >= 0; at -= 1) {
      const node = this.#nodes[at];
      if (node !== undefined) this.#sink(node);
    }
  }

  #place(node: HeapNode<Item>, index: number): void {
    this.#nodes[index] = node;
    node.index = index;
  }

  #rise(node: HeapNode<Item>): void {
    for (let at = node.index; at > 0; ) {
      const above = (at - 1) >> 1;
      const parent = this.#nodes[above];
      if (parent === undefined || !before(node, parent)) return;
      this.#place(parent, at);
      this.#place(node, above);
      at = above;
    }
  }

  #sink(node: HeapNode<Item>): void {
    for (let at = node.index; ; ) {
      const below = 2 * at + 1;
      const left = this.#nodes[below];
      const right = this.#nodes[below + 1];
      const child = right !== undefined && left !== undefined && before(right, left) ? right : left;
      if (child === undefined || !before(child, node)) return;
      const next = child.index;
      this.#place(child, at);
      this.#place(node, next);
      at = next;
    }
  }
}

function before(a: HeapNode<unknown>, b: HeapNode<unknown>): boolean {
  return a.key < b.key || (a.key === b.key && a.order < b.order);
}
