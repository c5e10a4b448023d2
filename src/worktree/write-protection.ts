import type { Context } from "../context.ts";

export async function writeProtect(_context: Context, _paths: readonly string[]): Promise<void> {}
