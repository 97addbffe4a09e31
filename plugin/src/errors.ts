export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A system's, as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
