// footer
