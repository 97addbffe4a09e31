/** One file, so that an installed plugin has no dependencies: the client of the Task API comes along. */
export default {
  input: 'src/index.ts',
  platform: 'node',
  external: /^openclaw\//,
  output: { file: 'dist/index.js', format: 'esm' },
};
