import 'uplot/dist/uPlot.min.css'
import './style/ground.css'
import './style/shell.css'
import './style/parts.css'
import './style/record.css'
import './style/sharing.css'
import { render } from 'preact'
import { App } from './app'
import { watch } from './live'
import { language } from './strings'

document.documentElement.lang = language
const place = document.getElementById('app')
if (place) render(<App />, place)
watch()
