import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Providers } from './app/providers'
import { watchBuild } from './app/stale-build'
import './index.css'
import { watchTheme } from './shared/lib/theme'
import { watchSession } from './shared/session/session'
import { watchNetwork } from './shared/ws/live'

watchTheme()
watchNetwork()
watchSession()
watchBuild()

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <Providers />
  </StrictMode>,
)
