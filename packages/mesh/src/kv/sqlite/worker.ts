import { parentPort, workerData } from 'node:worker_threads';
import { assert, assertNever, revision } from '@modelmesh/core';
import { Committing } from './committing.ts';
import { Compaction } from './compaction.ts';
import { closeDatabase, type Database, livingLeases, openDatabase } from './database.ts';
import { isCertain, toSqliteFailure } from './failure.ts';
import type { SqliteCall, SqliteCalls, SqliteReply, SqliteRequest, SqliteWorkerData } from './protocol.ts';
import { Reading } from './reading.ts';

/** The thread that holds the database: opens it, then answers one request after the other. Its end frees the lock. */

function say(reply: SqliteReply): void {
  assert(parentPort !== null, 'the registry thread was not started as a thread');
  parentPort.postMessage(reply);
}

function sayFailed(thrown: unknown, path: string, unknown: boolean): void {
  const { kind, message } = toSqliteFailure(thrown, path);
  say({ kind: 'failed', failure: { kind, message, unknown } });
}

function serve(database: Database): void {
  const committing = new Committing(database);
  const compaction = new Compaction(database);
  const reading = new Reading(database);

  const perform = (request: SqliteRequest): SqliteCalls[SqliteCall]['answer'] => {
    switch (request.call) {
      case 'commit':
        return committing.commit(request.ask);
      case 'get':
        return reading.get(request.ask);
      case 'range':
        return reading.range(request.ask);
      case 'history':
        return reading.history(request.ask.prefix, request.ask.from);
      case 'resolve':
        return reading.resolve(request.ask);
      case 'close':
        closeDatabase(database);
        return null;
      default:
        return assertNever(request);
    }
  };

  parentPort?.on('message', (request: SqliteRequest) => {
    try {
      say({ kind: 'answer', answer: perform(request) });
    } catch (thrown) {
      const unknown = request.call === 'commit' && !isCertain(thrown);
      sayFailed(thrown, database.path, unknown);
      if (!unknown) return;
      closeDatabase(database);
      parentPort?.close();
      return;
    }
    if (request.call === 'commit') compaction.run();
    if (request.call === 'close') parentPort?.close();
  });
  say({
    kind: 'opened',
    session: database.meta.session,
    revision: revision(database.meta.revision),
    leases: livingLeases(database.db),
  });
}

const { path, history }: SqliteWorkerData = workerData;
try {
  serve(openDatabase(path, history));
} catch (thrown) {
  sayFailed(thrown, path, false);
}
