// Makes the console no longer show what is typed. The driver of pseries' console shows it late, in the midst of what
// programs print.

#include <stdio.h>
#include <termios.h>

int main(void)
{
    struct termios terminal;
    if (tcgetattr(0, &terminal) == 0) {
        terminal.c_lflag &= ~ECHO;
        if (tcsetattr(0, TCSANOW, &terminal) == 0)
            return 0;
    }
    perror("noecho");
    return 1;
}
