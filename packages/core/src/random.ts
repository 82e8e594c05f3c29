/** The only source of chance for the domain. */
export interface Random {
  /** A whole number, equally likely in `0 … bound − 1`. */
  below(bound: number): number;
  /** A number in `[0, 1)`. */
  unit(): number;
}
