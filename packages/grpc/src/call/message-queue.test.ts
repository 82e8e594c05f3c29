import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageQueue } from './message-queue.ts';

const queueOf = <Message>(): { queue: MessageQueue<Message>; heard: string[] } => {
  const heard: string[] = [];
  const queue = new MessageQueue<Message>(
    () => heard.push('taken'),
    () => heard.push('returned'),
  );
  return { queue, heard };
};

test('messages come in order, whether their reader waits or not', async () => {
  const { queue } = queueOf<number>();
  queue.push(1);
  assert.deepEqual(await queue.next(), { done: false, value: 1 });
  const waiting = queue.next();
  queue.push(2);
  assert.deepEqual(await waiting, { done: false, value: 2 });
});

test('the owner hears when the reader has taken all', async () => {
  const { queue, heard } = queueOf<number>();
  queue.push(1);
  queue.push(2);
  await queue.next();
  assert.deepEqual(heard, []);
  await queue.next();
  assert.deepEqual(heard, ['taken']);
  assert.equal(queue.isEmpty, true);
});

test('what came before the end or an error is still read', async () => {
  const ended = queueOf<number>().queue;
  ended.push(1);
  ended.end();
  assert.deepEqual(await ended.next(), { done: false, value: 1 });
  assert.deepEqual(await ended.next(), { done: true, value: undefined });
  const failed = queueOf<number>().queue;
  failed.push(1);
  failed.fail(new Error('broken'));
  await failed.next();
  await assert.rejects(failed.next(), /broken/);
});

test('a reader that waits hears the end and the error at once', async () => {
  const ended = queueOf<number>().queue;
  const end = ended.next();
  ended.end();
  assert.deepEqual(await end, { done: true, value: undefined });
  const failed = queueOf<number>().queue;
  const failure = failed.next();
  failed.fail(new Error('broken'));
  await assert.rejects(failure, /broken/);
});

test('a reader that leaves its loop is reported, and nothing is kept for it', async () => {
  const { queue, heard } = queueOf<number>();
  queue.push(1);
  queue.push(2);
  for await (const message of queue) {
    assert.equal(message, 1);
    break;
  }
  queue.push(3);
  assert.deepEqual(heard, ['returned']);
  assert.deepEqual(await queue.next(), { done: true, value: undefined });
});
