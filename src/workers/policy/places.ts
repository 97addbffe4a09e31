import { isAbsolute, join, relative, resolve, sep } from 'node:path';

/** Names that an agent, a repository, a login or a session obeys unasked: written, they are as good as a command. */
export const PROTECTED = [
  ...['.claude', '.claude.json', '.codex', '.gemini'],
  // With `commondir` or in a submodule, hooks and configuration are elsewhere.
  ...['.git/hooks', '.git/config', '.git/config.worktree', '.git/commondir', '.git/modules'],
  ...['.gitconfig', '.config/git', '.ssh'],
  ...['.profile', '.bashrc', '.bash_profile', '.bash_login', '.config/fish'],
  ...['.zshrc', '.zshenv', '.zprofile', '.zlogin'],
  ...['.config/systemd', '.config/autostart', 'Library/LaunchAgents'],
];

/** Whether a real path is one of these folders or below it. */
export function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => {
    const rest = relative(root, path);
    return rest === '' || (rest !== '..' && !rest.startsWith(`..${sep}`) && !isAbsolute(rest));
  });
}

/** The protected name that a path is or goes through; undefined when there is none. */
export function protectedName(path: string, names: readonly string[]): string | undefined {
  const parts = `${sep}${folded(path)}${sep}`;
  return names.find((name) => parts.includes(`${sep}${folded(name.split('/').join(sep))}${sep}`));
}

/** File systems of macOS and Windows take `.CLAUDE` for `.claude`; elsewhere nobody means another folder by it. */
function folded(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

/** Absolute: `~/` is the home folder; what is relative is in `folder`. */
export function placeOf(path: string, home: string, folder = home): string {
  if (path === '~') return home;
  return path.startsWith('~/') ? join(home, path.slice(2)) : resolve(folder, path);
}
