import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HeapNode, heapNode, IndexedHeap } from './indexed-heap.ts';

const anOp = fc.oneof(
  fc.record({ op: fc.constant('push' as const), key: fc.nat(20) }),
  fc.record({ op: fc.constantFrom('remove' as const, 'update'), pick: fc.nat(), key: fc.nat(20) }),
  fc.record({ op: fc.constant('pop' as const) }),
  fc.record({ op: fc.constant('rekey' as const), factor: fc.integer({ min: 1, max: 19 }) }),
);

test('law: the heap gives what a sorted list gives, equal keys in the order of their arrival', () => {
  fc.assert(
    fc.property(fc.array(anOp, { maxLength: 120, size: 'max' }), (ops) => {
      const heap = new IndexedHeap<number>();
      let list: HeapNode<number>[] = [];
      ops.forEach((op, order) => {
        if (op.op === 'push') {
          const node = heapNode(order, op.key, order);
          heap.push(node);
          list.push(node);
        } else if (op.op === 'rekey') {
          heap.rekey((item) => (item * op.factor) % 20);
          for (const node of list) assert.equal(node.key, (node.item * op.factor) % 20);
        } else if (op.op === 'pop') {
          const first = heap.pop();
          assert.equal(first, [...list].sort((a, b) => a.key - b.key || a.order - b.order)[0]);
          list = list.filter((node) => node !== first);
        } else {
          const node = list[op.pick % Math.max(1, list.length)];
          if (node === undefined) return;
          if (op.op === 'update') heap.update(node, op.key);
          else {
            heap.remove(node);
            list = list.filter((kept) => kept !== node);
            assert.ok(!heap.has(node));
          }
        }
        assert.equal(heap.size, list.length);
        assert.equal(heap.peek(), [...list].sort((a, b) => a.key - b.key || a.order - b.order)[0]);
        assert.ok(list.every((node) => heap.has(node)));
      });
    }),
    { numRuns: 200 },
  );
});

test('removing or updating a node that is in no heap, or in another, leaves the heap alone', () => {
  const [one, other] = [new IndexedHeap<string>(), new IndexedHeap<string>()];
  const [a, b] = [heapNode('a', 1, 1), heapNode('b', 2, 2)];
  one.push(a);
  other.push(b);
  one.remove(b);
  one.update(b, 0);
  assert.deepEqual([one.size, other.size, one.peek()?.item, b.key], [1, 1, 'a', 0]);
  other.remove(b);
  other.remove(b);
  assert.equal(other.size, 0);
});
