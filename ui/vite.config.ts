import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import { tanstackRouter } from '@tanstack/router-plugin/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

/** Where `npm run dev` sends API calls; a running `chatops up` by default. */
const api = process.env.CHATOPS_DEV_API ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [
    // The router plugin has to see the route files before React's transform does.
    tanstackRouter({
      target: 'react',
      autoCodeSplitting: true,
      quoteStyle: 'single',
      routeFileIgnorePattern: '\\.test\\.',
    }),
    react(),
    tailwindcss(),
  ],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    manifest: true,
    // `default-src 'self'` forbids data: URLs, so nothing may be inlined as one.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // Every browser that runs ES2022 and matters knows `modulepreload`; others load the same files a moment later.
    modulePreload: { polyfill: false },
    // The first page carries the names of all chunks: a hash cannot be compressed, and seven characters are the fewest for so many.
    rollupOptions: {
      output: {
        entryFileNames: 'assets/[name]-[hash:7].js',
        chunkFileNames: 'assets/[name]-[hash:7].js',
        assetFileNames: 'assets/[name]-[hash:7][extname]',
      },
    },
  },
  server: { proxy: { '/api': { target: api, ws: true } } },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test-setup.ts'],
    restoreMocks: true,
  },
})
