import { builtinModules } from 'node:module';
import type { Problem, Rule } from '../rule.ts';
import { type Import, importsOf, type Manifest, type Repository, type SourceFile } from '../source/index.ts';

/**
 * Which packages a package may import: `core ← wire ← grpc ← sdk ← programs`; `h2` is
 * imported by `grpc` alone, programs never import one another, `lab` imports everything.
 */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  core: [],
  h2: [],
  wire: ['core'],
  grpc: ['core', 'wire', 'h2'],
  sdk: ['core', 'wire', 'grpc'],
  mesh: ['core', 'wire', 'grpc', 'sdk'],
  runtime: ['core', 'wire', 'grpc', 'sdk'],
  cli: ['core', 'wire', 'grpc', 'sdk'],
  lab: ['core', 'h2', 'wire', 'grpc', 'sdk', 'mesh', 'runtime', 'cli'],
};

const SCOPE = '@modelmesh/';
const BUILTIN = new Set(builtinModules);

/** The foreign package of a bare specifier. */
const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

const isBuiltin = (specifier: string): boolean => specifier.startsWith('node:') || BUILTIN.has(specifier);

export const importsGoDown: Rule = {
  name: 'imports between packages go down: core ← wire ← grpc ← sdk ← programs, and only lab sees everything',
  check: (repository) =>
    eachImport(repository, (file, one) => {
      if (!one.specifier.startsWith(SCOPE)) return undefined;
      const [target = ''] = one.specifier.slice(SCOPE.length).split('/');
      const allowed = file.package === undefined ? Object.keys(BELOW) : [file.package, ...(BELOW[file.package] ?? [])];
      return allowed.includes(target) ? undefined : `${file.package} must not import ${one.specifier}`;
    }),
};

export const coreIsPure: Rule = {
  name: 'core imports nothing but itself',
  check: (repository) =>
    eachImport(repository, (file, one) =>
      file.package !== 'core' || file.isTest || one.specifier.startsWith('.')
        ? undefined
        : `core must not import ${one.specifier}`,
    ),
};

export const foreignModulesDeclared: Rule = {
  name: 'a foreign module is a dependency of the package that imports it',
  check: (repository) =>
    eachImport(repository, (file, one) => {
      if (one.specifier.startsWith('.') || isBuiltin(one.specifier)) return undefined;
      const name = packageOf(one.specifier);
      if (file.package !== undefined && name === SCOPE + file.package) return undefined;
      const declared = file.package === undefined ? [] : runtimeNames(repository.manifest(file.package));
      const forTests = file.isTest || file.package === 'lab' || file.package === undefined ? everyName(repository) : [];
      if ([...declared, ...forTests].includes(name)) return undefined;
      return `${name} is not a dependency of ${file.package ?? 'the repository'}`;
    }),
};

/** Only ours to import by relative path is what lies in the same package. */
export const relativeStaysInside: Rule = {
  name: 'a relative import stays inside its package and names the file with its suffix',
  check: (repository) =>
    eachImport(repository, (file, one) => {
      if (!one.specifier.startsWith('.')) return undefined;
      if (!/\.(ts|mts|mjs|js|json)$/.test(one.specifier)) return `${one.specifier} needs its suffix .ts`;
      const ups = one.specifier.split('/').filter((part) => part === '..').length;
      const depth = file.package === undefined ? file.path.split('/').length - 1 : file.inner.split('/').length - 1;
      return ups > depth
        ? `${one.specifier} leaves ${file.package ?? 'the repository'}: use the door of the other package`
        : undefined;
    }),
};

const runtimeNames = (manifest: Manifest): readonly string[] => [
  ...Object.keys(manifest.dependencies ?? {}),
  ...Object.keys(manifest.optionalDependencies ?? {}),
];

const everyName = (repository: Repository): readonly string[] => [
  ...Object.keys(repository.manifest('').devDependencies ?? {}),
  ...repository.packages.flatMap((name) => [SCOPE + name, ...runtimeNames(repository.manifest(name))]),
];

function eachImport(repository: Repository, judge: (file: SourceFile, one: Import) => string | undefined): readonly Problem[] {
  return repository.code.flatMap((file) =>
    importsOf(file).flatMap((one) => {
      const message = judge(file, one);
      return message === undefined ? [] : [{ path: file.path, line: one.line, message }];
    }),
  );
}
