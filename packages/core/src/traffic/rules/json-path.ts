/** One step into a JSON value: the member of an object, or the element of an array. */
export type JsonStep = string | number;

/** The most steps of one path. */
export const JSON_PATH_STEPS_MAX = 16;

const STEP = /(?:^|\.)([A-Za-z_][A-Za-z0-9_-]*)|\[(0|[1-9][0-9]{0,6})\]|\["((?:[^"\\]|\\.)*)"\]/y;

/**
 * The steps of a path such as `parameters.country`, `instances[0].country` or `parameters["a.b"]`, from the outermost value down; `undefined` if
 * it is none. It begins with a member, since bodies of inference are objects.
 */
export function parseJsonPath(path: string): readonly JsonStep[] | undefined {
  const steps: JsonStep[] = [];
  let at = 0;
  while (at < path.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(path);
    if (match === null) return undefined;
    const [text, name, index, quoted] = match;
    if (quoted !== undefined) {
      const key = unquoted(quoted);
      if (key === undefined) return undefined;
      steps.push(key);
    } else steps.push(name ?? Number(index));
    at += text.length;
  }
  return steps.length === 0 || steps.length > JSON_PATH_STEPS_MAX || typeof steps[0] === 'number' ? undefined : steps;
}

function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return undefined;
  }
}
