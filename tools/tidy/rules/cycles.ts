import type { Rule } from '../rule.ts';
import { importsOf, type Repository, resolved, type SourceFile } from '../source/index.ts';

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

export const noFileCycles: Rule = {
  name: 'no files import one another in a circle',
  check: (repository) => circles(fileGraph(repository)).map((circle) => problem(circle, 'is loaded in a circle')),
};

export const noRoomCycles: Rule = {
  name: 'no rooms of a package import one another in a circle, types included',
  check: (repository) => circles(roomGraph(repository)).map((circle) => problem(circle, 'needs, types included, in a circle')),
};

const problem = (circle: readonly string[], what: string): { path: string; line: number; message: string } => ({
  path: circle[0] ?? '',
  line: 0,
  message: `${what}: ${[...circle, circle[0]].join(' → ')}`,
});

function edges(repository: Repository, file: SourceFile, types: boolean): readonly string[] {
  return importsOf(file)
    .filter((one) => one.kind === 'value' || (types && one.kind === 'type'))
    .flatMap((one) => resolved(file, one.specifier) ?? [])
    .filter((path) => repository.files.has(path));
}

function fileGraph(repository: Repository): Graph {
  return new Map(repository.code.map((file) => [file.path, new Set(edges(repository, file, false))]));
}

/** A room is a folder directly below `src`; a file directly below `src` stands for itself. */
function roomGraph(repository: Repository): Graph {
  const graph = new Map<string, Set<string>>();
  for (const file of repository.code.filter((one) => one.package !== undefined && !one.isTest)) {
    const from = roomOf(file.path);
    const to = graph.get(from) ?? new Set();
    for (const path of edges(repository, file, true)) if (roomOf(path) !== from) to.add(roomOf(path));
    graph.set(from, to);
  }
  return graph;
}

const roomOf = (path: string): string => path.split('/').slice(0, 4).join('/');

/** The strongly connected groups of more than one node (Tarjan's algorithm), and nodes that point at themselves. */
export function circles(graph: Graph): readonly (readonly string[])[] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    low.set(node, order.get(node) ?? 0);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(node) !== order.get(node)) return;
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1 || graph.get(node)?.has(node) === true) found.push(group);
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}
