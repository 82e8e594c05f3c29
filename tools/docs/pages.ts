/** The pages of the documentation: which there are, the blocks of code in them, the links between them. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../run-steps.ts';

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  /** The words after the language: `answer`, or `file=NAME`. */
  readonly info: string;
  readonly text: string;
  /** Of its fence, from 1. */
  readonly line: number;
}

/** Pages whose commands a reader copies. */
export const pagesWithCommands = (): readonly string[] => [
  'README.md',
  ...globSync(['docs/guides/*.md', 'examples/models/*/README.md'], { cwd: ROOT }).toSorted(),
];

/** All pages. */
export const allPages = (): readonly string[] =>
  globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md', 'packages/*/*.md', 'packages/*/src/**/*.md'], { cwd: ROOT }).toSorted();

/** The text of a page. */
export const readPage = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The fenced blocks of a page in their order. */
export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  for (const match of page.matchAll(/^```(\w*) ?([^\n]*)\n([\s\S]*?)^```$/gm)) {
    const [, language = '', info = '', text = ''] = match;
    blocks.push({ language, info, text, line: page.slice(0, match.index).split('\n').length });
  }
  return blocks;
}

/** Targets of a page's links that lie in the repository, without what is inside blocks of code. */
export function linksOf(page: string): readonly string[] {
  const prose = page.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors that a page's headings make, as GitHub names them. */
export const anchorsOf = (page: string): readonly string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
