import type { CommandWords } from './words.ts';

/** Shells that scripts are made for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** One of {@link SHELLS}. */
export type Shell = (typeof SHELLS)[number];

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } satisfies Record<
  Shell,
  (commands: readonly CommandWords[]) => string
>;

/** The script that completes `mmesh` in a shell. */
export const completionScript = (shell: Shell, commands: readonly CommandWords[]): string => SCRIPTS[shell](commands);

const words = ({ kinds, options }: CommandWords): string => [...kinds, ...options].join(' ');
const names = (commands: readonly CommandWords[]): string => commands.map(({ name }) => name).join(' ');
const quoted = (text: string): string => text.replaceAll("'", '’');

function bashScript(commands: readonly CommandWords[]): string {
  const cases = commands.map((command) => `    ${command.name}) words='${words(command)}' ;;`);
  return `# bash completion of mmesh: source <(mmesh completion bash)
_mmesh() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words
  case "$previous" in
    -f|--file|--tls-ca|--tls-cert|--tls-key) COMPREPLY=($(compgen -f -- "$current")); return ;;
    -o|--output) COMPREPLY=($(compgen -W 'table json yaml' -- "$current")); return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${names(commands)}' -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _mmesh mmesh
`;
}

function zshScript(commands: readonly CommandWords[]): string {
  const described = commands.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`);
  const cases = commands.map((command) => `    ${command.name}) compadd -- ${words(command)} ;;`);
  return `#compdef mmesh
# zsh completion of mmesh: source <(mmesh completion zsh)
_mmesh() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "\${words[CURRENT-1]}" in
    -f|--file|--tls-ca|--tls-cert|--tls-key) _files; return ;;
    -o|--output) compadd table json yaml; return ;;
  esac
  case "\${words[2]}" in
${cases.join('\n')}
  esac
}
compdef _mmesh mmesh
`;
}

function fishScript(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ name, summary, options, kinds }) => [
    `complete -c mmesh -f -n __fish_use_subcommand -a ${name} -d '${quoted(summary)}'`,
    ...kinds.map((kind) => `complete -c mmesh -f -n '__fish_seen_subcommand_from ${name}' -a ${kind}`),
    ...options.map((option) => `complete -c mmesh -n '__fish_seen_subcommand_from ${name}' ${fishOption(option)}`),
  ]);
  return `# fish completion of mmesh: mmesh completion fish | source\n${lines.join('\n')}\n`;
}

const fishOption = (option: string): string => (option.startsWith('--') ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`);
