import { defineConfig } from 'vite'

// Everything is served from one origin under a strict content security policy, so nothing may be inlined.
export default defineConfig({
  base: '/app/',
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: true },
})
