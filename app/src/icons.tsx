// Line drawings of 24 units; decoration only, each stands beside its word.

const drawings = {
  timeline: 'M12 3v18M12 8H6M12 13h6M12 18H7',
  results: 'M3 17l5-6 4 3 8-9M3 21h18',
  sharing: 'M8.5 13.5l7 4M15.5 6.5l-7 4M6 15a3 3 0 100-6 3 3 0 000 6zM18 8a3 3 0 100-6 3 3 0 000 6zM18 22a3 3 0 100-6 3 3 0 000 6z',
  activity: 'M2 12s3.5-7 10-7 10 7 10 7-3.5 7-10 7S2 12 2 12zM12 15a3 3 0 100-6 3 3 0 000 6z',
  alert: 'M12 3l9.5 17h-19zM12 10v4M12 17v.5',
  differs: 'M4 9h13M13 5l4 4-4 4M20 15H7M11 11l-4 4 4 4',
  close: 'M6 6l12 12M18 6L6 18',
  back: 'M15 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 4l13 8-13 8z',
  stop: 'M6 6h12v12H6z',
  file: 'M6 2h8l5 5v15H6zM14 2v5h5',
} as const

type Drawing = keyof typeof drawings

export function SectionIcon({ name }: { name: Drawing }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={drawings[name]} />
    </svg>
  )
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path class="mark-stem" d="M16 3v26" />
      <path class="mark-left" d="M6 4c0 8 10 7 10 15" />
      <path class="mark-right" d="M26 7c0 7-10 6-10 14" />
    </svg>
  )
}
