/** Methods with a label of their own; callers choose the names, so there must be an end. Later ones are counted as `other`. */
export const METHODS_MAX = 100;
/** The label of whatever has none of its own. */
export const OTHER = 'other';

/** Labels of methods: `package.Service/Method` whole, or the part after the slash as ModelMesh has it. */
export class MethodLabels {
  readonly #full: boolean;
  readonly #labels = new Map<string, string>();

  constructor(full: boolean) {
    this.#full = full;
  }

  /** The label of a full method; the same string each time. */
  of(method: string): string {
    const known = this.#labels.get(method);
    if (known !== undefined) return known;
    if (this.#labels.size >= METHODS_MAX) return OTHER;
    const label = this.#full ? method : method.slice(method.lastIndexOf('/') + 1);
    this.#labels.set(method, label);
    return label;
  }
}
