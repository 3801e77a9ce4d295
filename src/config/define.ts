/** Gives a configuration file its type. */
import type { PosthasteConfig } from './settings.ts';

/** Gives back what it gets: `export default defineConfig({ relay: 'smtp://...' })`. What is wrong in it is told at the start. */
export function defineConfig(config: PosthasteConfig): PosthasteConfig {
  return config;
}
