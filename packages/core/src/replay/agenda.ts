import { type HeapNode, heapNode, IndexedHeap } from '../indexed-heap.ts';

/** What is due when, in virtual time: the earliest first, equal instants in the order in which they were put down. */
export class Agenda<Item> {
  readonly #heap = new IndexedHeap<Item>();
  #put = 0;

  /** When the first is due; infinite when nothing is. */
  get nextMs(): number {
    return this.#heap.peek()?.key ?? Number.POSITIVE_INFINITY;
  }

  /** Returns the handle by which it can be called off. */
  put(atMs: number, item: Item): HeapNode<Item> {
    this.#put += 1;
    const node = heapNode(item, atMs, this.#put);
    this.#heap.push(node);
    return node;
  }

  /** Does nothing for what is not due any more. */
  callOff(node: HeapNode<Item>): void {
    this.#heap.remove(node);
  }

  take(): Item | undefined {
    return this.#heap.pop()?.item;
  }
}
